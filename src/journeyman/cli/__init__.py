"""The command line: reads flags, calls `flow`, prints. It holds nothing that a script could not do through `flow`."""
