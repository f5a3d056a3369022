"""A label for every symbol."""
