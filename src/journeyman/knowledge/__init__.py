"""Knowledge: documents parsed, chunked, indexed and linked, so that passages are found with where they stand."""
