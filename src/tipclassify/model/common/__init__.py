"""What both kinds of model have: a folder with a hashed head, and explanations of scores."""
