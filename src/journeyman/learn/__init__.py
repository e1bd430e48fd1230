"""Learners: one algorithm per file. Each proposes a changed worker spec; none makes it the champion."""
