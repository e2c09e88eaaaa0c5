"""Passages that were drawn from many count for many where whole reports are measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify.corpus.rows import Row
from tipclassify.training.examples import calibration_weights, family_weights, report_weights


def row(doc: str | None, stands_for: float | str | None = None) -> Row:
    """Make a row of a document; values of a corpus come back from files as text."""
    return {"text": "Courts slept.", "doc": doc, "stands_for": stands_for}


@pytest.mark.parametrize(
    ("rows", "of_reports", "of_calibration"),
    [
        # what was chosen for being hard counts nothing beside what was drawn
        ([row("dol-pdf/A.pdf", 1), row("dol-pdf/A.pdf")], [2, 0], [2, 0]),
        # where nobody drew a sample, passages count once in calibration alone; invented ones never
        (
            [row("hrr/2020/a.html", 3), row("uscode/t1"), row("factbook/2010/9"), row(None, 5)],
            [1, 0, 0],
            [1, 1, 1],
        ),
        ([row("hrr/2020/a.html", 29.5), row("hrr/2020/b.html", "0.5")], [59 / 30, 1 / 30], None),
        ([], None, None),
        ([row("hrr/2020/a.html")], None, None),
        ([row(None, 5), row("uscode/t1", 5)], None, None),
    ],
)
def test_a_passage_counts_for_those_that_it_was_drawn_from(
    rows: list[Row], of_reports: list[float] | None, of_calibration: list[float] | None
) -> None:
    weights = report_weights(rows)
    calibrating = calibration_weights(rows)
    if of_reports is None:
        assert weights is calibrating is None
        return
    assert weights is not None
    assert calibrating is not None
    assert weights.tolist() == pytest.approx(of_reports)
    assert calibrating.tolist() == pytest.approx(of_calibration or of_reports)


of_family = st.tuples(st.sampled_from(["hrr", "dol", "factbook"]), st.floats(0.5, 40))


@given(st.lists(of_family, min_size=1, max_size=30))
def test_weights_have_a_mean_of_one_in_each_family(drawn: list[tuple[str, float]]) -> None:
    families = [family for family, _ in drawn]
    weights = family_weights(families, np.array([count for _, count in drawn]))
    for family in set(families):
        assert weights[np.array(families) == family].mean() == pytest.approx(1)
