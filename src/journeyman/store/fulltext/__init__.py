"""Full-text search: exact BM25 on any database."""
