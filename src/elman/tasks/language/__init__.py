"""Language models: the next symbol, again and again."""
