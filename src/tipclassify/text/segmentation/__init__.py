"""Text to sections, sentences and clauses."""
