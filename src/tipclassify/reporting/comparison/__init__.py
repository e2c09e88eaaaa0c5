"""Two reports compared: passages aligned, changes of labels, what was reworded."""
