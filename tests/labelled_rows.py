"""Make passages and labelled rows: invented ones, and ones of made-up country reports.

Each sentence has a subject and an act, and the act decides its labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from tipclassify import Passage
from tipclassify.corpus.rows import Row

COUNTRIES = (
    "karvonia",
    "murenia",
    "kessara",
    "zorbland",
    "ruritania",
    "syldavia",
    "yland",
    "gland",
    "lutha",
)
HELD_OUT_COUNTRIES = COUNTRIES[-3:]  # by the hash of their names


def under(heading: str | None, text: str) -> Passage:
    """Return the passage of a text that stands under a heading."""
    return Passage(text, 0, len(text), heading)


def invented_rows(
    subjects: Sequence[str],
    labels_of_acts: Mapping[str, tuple[str, ...]],
    endings: Sequence[str],
    sentence: str,
) -> list[Row]:
    """Make a row of no document of each subject, act and ending.

    `sentence` is a format string such as "{subject} {act} in {ending}."
    """
    rows: list[Row] = []
    for subject, act, ending in product(subjects, labels_of_acts, endings):
        row = {
            "id": f"{subject}-{act}-{ending}",
            "text": sentence.format(subject=subject, act=act, ending=ending),
            "labels": labels_of_acts[act],
            "doc": None,
        }
        rows.append(row)
    return rows


def report_rows(
    country: str,
    subjects: Sequence[str],
    labels_of_acts: Mapping[str, tuple[str, ...]],
    sentence: str,
    *,
    labelled_heading: str,
    other_heading: str,
) -> list[Row]:
    """Make the rows of a country's report: each subject and act under both headings.

    Under `other_heading` no passage has a label, though it would have one if read alone.
    `sentence` is a format string such as "{subject} {act} ,".
    """
    rows: list[Row] = []
    for subject, act, heading in product(
        subjects, labels_of_acts, (labelled_heading, other_heading)
    ):
        labels = labels_of_acts[act]
        row = {
            "id": f"{country}-{subject}-{act}-{heading}",
            "text": sentence.format(subject=subject, act=act),
            "labels": labels if heading == labelled_heading else (),
            "labels_alone": ";".join(labels) or "none",
            "section": heading,
            "doc": f"hrr/2020/{country}.html",
        }
        rows.append(row)
    return rows
