"""PDF and images."""
