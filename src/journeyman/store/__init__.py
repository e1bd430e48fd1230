"""Databases: the journal, lessons, passages, and other people's under limits. Only here is SQL."""
