"""Learning, for any task."""
