"""The command line: one thin file a command, each a shell over library calls."""
