"""What happened, and what became of it."""
