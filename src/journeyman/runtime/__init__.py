"""Work on cases: runs, leases, the durable loop, review."""
