"""``tipclassify corpus``: the commands on labelled passages."""
