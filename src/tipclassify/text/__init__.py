"""Text: a document in, its passages and their features out."""
