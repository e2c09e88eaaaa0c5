"""Passages that were drawn from many count for many where whole reports are measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify.corpus.rows import Row
from tipclassify.training.sample_weights import weigh_real_rows, weights_within_families


def row(doc: str | None, stands_for: float | str | None = None) -> Row:
    """Make a row of a document; values of a corpus come back from files as text."""
    return {"text": "Courts slept.", "doc": doc, "stands_for": stands_for}


def test_a_passage_counts_for_those_that_it_was_drawn_from() -> None:
    weights = weigh_real_rows([row("hrr/2020/a.html", 29.25), row("hrr/2020/b.html", "1")])
    assert weights.reports is not None
    assert weights.reports[0] / weights.reports[1] == pytest.approx(29.25)
    assert weights.reports.mean() == pytest.approx(1)
    assert weights.calibration is not None
    assert weights.calibration.tolist() == weights.reports.tolist()


def test_what_was_chosen_for_being_hard_counts_nothing_beside_what_was_drawn() -> None:
    weights = weigh_real_rows([row("dol-pdf/A.pdf", 1), row("dol-pdf/A.pdf")])
    assert weights.reports is not None
    assert weights.calibration is not None
    assert weights.reports.tolist() == weights.calibration.tolist() == [2, 0]


def test_passages_of_which_nobody_drew_a_sample_count_once_in_calibration_alone() -> None:
    rows = [row("hrr/2020/a.html", 3), row("uscode/t1"), row("factbook/2010/9"), row(None, 5)]
    weights = weigh_real_rows(rows)
    assert weights.reports is not None
    assert weights.calibration is not None
    assert weights.reports.tolist() == [1, 0, 0]  # of the real ones
    assert weights.calibration.tolist() == [1, 1, 1]


def test_without_a_sample_there_are_no_weights() -> None:
    for rows in ([], [row("hrr/2020/a.html")], [row(None, 5)], [row("uscode/t1", 5)]):
        weights = weigh_real_rows(rows)
        assert weights.reports is weights.calibration is None


of_family = st.tuples(st.sampled_from(["hrr", "dol", "factbook"]), st.floats(0.5, 40))


@given(st.lists(of_family, min_size=1, max_size=30))
def test_weights_have_a_mean_of_one_in_each_family(drawn: list[tuple[str, float]]) -> None:
    families = [family for family, _ in drawn]
    weights = weights_within_families(families, np.array([count for _, count in drawn]))
    for family in set(families):
        assert weights[np.array(families) == family].mean() == pytest.approx(1)
