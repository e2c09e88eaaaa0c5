"""Split text into sections, sentences and clauses."""
