"""The journal, its migrations and blobs, and other people's databases read under limits: the only place with SQL."""
