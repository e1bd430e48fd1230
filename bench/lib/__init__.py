"""What several benches share. No bench imports from another one's folder."""
