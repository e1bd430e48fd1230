"""Documents: parsed, cut, indexed and linked. A worker finds passages with their sources."""
