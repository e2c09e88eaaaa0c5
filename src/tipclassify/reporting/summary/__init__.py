"""How many passages have each label, and how many truly would if the model's errors were set right.

Tagged reports go in and are counted (`counting`); a `Summary` comes out: passages of each label by file, country, year or
section, and of all together (`groups`), each count with what it would be but for the model's errors (`adjustment`).
"""

from __future__ import annotations

from tipclassify.reporting.summary.adjustment import ASSUMPTION, FEW, NOTES, Estimate, Rates, adjust, error_rates
from tipclassify.reporting.summary.counting import DIMENSIONS, in_order, summarize
from tipclassify.reporting.summary.groups import NONE, OVERLAP, Group, Key, Name, Summary

__all__ = ["ASSUMPTION", "DIMENSIONS", "FEW", "NONE", "NOTES", "OVERLAP"]
__all__ += ["Estimate", "Group", "Key", "Name", "Rates", "Summary", "adjust", "error_rates", "in_order", "summarize"]
