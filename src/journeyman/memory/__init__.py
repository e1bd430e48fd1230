"""What a worker can recall. A memory is a snapshot: adding gives a new one."""
