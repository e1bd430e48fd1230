"""The application: a workspace with its jobs, models and runs, and the worker as a library."""
