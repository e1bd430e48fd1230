"""The application: workspaces, and the worker as a library."""
