"""Split a document into passages, and passages into features."""
