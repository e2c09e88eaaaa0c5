"""``tipclassify corpus``: commands on labelled passages, one module each."""
