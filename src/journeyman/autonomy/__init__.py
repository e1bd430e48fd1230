"""What a worker may do alone, computed from the journal."""
