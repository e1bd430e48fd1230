"""What a worker may do alone: read from the journal only."""
