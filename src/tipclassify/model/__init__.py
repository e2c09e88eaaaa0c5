"""Load models, score passages and explain scores."""
