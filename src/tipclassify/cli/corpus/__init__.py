"""``tipclassify corpus``: labelled passages before a model is trained on them. One file a command."""
