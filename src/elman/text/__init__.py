"""From bytes to symbols."""
