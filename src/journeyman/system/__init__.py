"""The operating system: cores, locks, signals, limits of memory, child processes. Linux and macOS are supported."""
