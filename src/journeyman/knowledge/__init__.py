"""Documents: parsed, chunked, indexed, linked; what a worker finds in them is a passage with its source."""
