"""Command line: one module for each command, a thin layer over library calls."""
