"""The same conversations by other libraries. Each script runs in an environment of its own: SCRIPT URL CASES."""
