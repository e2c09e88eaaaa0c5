"""Summary of reports: counts of passages by label, and the same counts adjusted for the model's errors.

Tagged reports come in and are counted (`counting`). A `Summary` goes out (`groups`): counts of each label by file,
country, year or section, and in total, each with its adjusted count and interval (`adjustment`).
"""

from __future__ import annotations

from tipclassify.reporting.summary.adjustment import ASSUMPTION, FEW, NOTES, Estimate, Rates, adjust, error_rates
from tipclassify.reporting.summary.counting import DIMENSIONS, sort_names, summarize
from tipclassify.reporting.summary.groups import NONE, OVERLAP, Group, Key, Name, Summary

__all__ = ["ASSUMPTION", "DIMENSIONS", "FEW", "NONE", "NOTES", "OVERLAP"]
__all__ += ["Estimate", "Group", "Key", "Name", "Rates", "Summary", "adjust", "error_rates", "sort_names", "summarize"]
