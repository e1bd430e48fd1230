"""Plain text, Markdown, code and tables."""
