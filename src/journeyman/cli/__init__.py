"""The command line: reads flags, asks `app`, prints. A script can do all of it without the command line."""
