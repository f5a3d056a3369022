"""What the cells are built into."""
