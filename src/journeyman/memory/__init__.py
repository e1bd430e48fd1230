"""What a worker can recall. A memory is a snapshot: adding to it gives a new one."""
