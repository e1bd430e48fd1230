"""Learners: one algorithm a file. Each proposes a changed mind; none makes it the champion."""
