"""Classifiers: a text in, its label out."""
