"""Comparison of two reports: alignment of passages, changes of labels, rewording."""
