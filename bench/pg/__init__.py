"""The journal in PostgreSQL: kills, cases a second, and DBOS beside it."""
