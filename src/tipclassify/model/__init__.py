"""Models: load one, score with it, explain a score."""
