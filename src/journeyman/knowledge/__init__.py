"""Knowledge: documents in, chunks out."""
