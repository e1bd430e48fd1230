"""Works cases: runs, leases, the durable loop, waiting, review."""
