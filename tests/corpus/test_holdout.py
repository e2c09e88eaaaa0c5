"""The holdout is of whole countries and groups, equal in every training, with weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tipclassify.arrays import Floats
from tipclassify.corpus.holdout import (
    held_out,
    holdout_country,
    holdout_natural_shares,
    holdout_natural_weights,
    is_real,
    source_family,
)
from tipclassify.corpus.loading import Row

COUNTRIES = [
    f"{first}{last}" for first in "bdfgklmnprstvz" for last in ("arland", "onia", "esia", "umark")
]
REAL = [
    {"text": f"Police of the {number}th district acted.", "doc": doc, "labels": ()}
    for number, country in enumerate(COUNTRIES)
    for doc in (
        f"hrr/2017/{country}.html",
        f"hrr/2021/{country}.html",
        f"dol-pdf/{country.title()}.pdf",
    )
]
PAIRS = [
    {
        "id": f"row-{number}",
        "text": f"Courts heard case {number}.",
        "labels": (),
        "pair": f"p{number // 2}",
        "doc": None,
    }
    for number in range(400)
]
NARRATIVES = [
    {"id": f"tale-{n}", "text": f"Tale {n}.", "labels": (), "doc": f"narra-{n // 9}"}
    for n in range(180)
]
INVENTED = [*PAIRS, *NARRATIVES]


def held_texts(rows: list[Row]) -> set[str]:
    """Return the texts of the rows that are held out."""
    return {row["text"] for row, held in zip(rows, held_out(rows), strict=True) if held}


# --------------------------------------------------------------------------------------- which rows


@pytest.mark.parametrize(
    ("doc", "family"),
    [
        ("hrr/2017/xland.html", "hrr"),
        ("dol-pdf/Xland.pdf", "dol"),
        ("dol-descriptions/2016/Xland", "dol"),
        ("factbook/2020/17", "factbook"),
        ("narra-karvonia", None),
        ("hrrr/2017/xland.html", None),
        ("mine/hrr/2017/xland.html", None),
        ("", None),
        (None, None),
    ],
)
def test_a_row_is_real_by_the_document_that_it_names(doc: str | None, family: str | None) -> None:
    assert source_family(doc) == family
    assert is_real({"text": "x", "doc": doc}) is (family is not None)
    assert not is_real({"text": "x"})


def test_one_country_has_one_name_in_all_sources() -> None:
    of_upper_xland = [
        "hrr/2017/the-upper-xland.html",
        "dol-pdf/Upper Xland, The.pdf",
        "dol-descriptions/2016/Upper Xland",
    ]
    assert len({holdout_country(doc) for doc in of_upper_xland}) == 1
    # it names none
    assert holdout_country("factbook/2020/17") != holdout_country("factbook/2020/18")


def test_countries_are_held_out_whole() -> None:
    held_of: dict[str, set[bool]] = {}  # whether its rows are held out, by country
    for row, held in zip(REAL, held_out(REAL), strict=True):
        held_of.setdefault(holdout_country(row["doc"]), set()).add(bool(held))
    assert all(len(its_rows) == 1 for its_rows in held_of.values())
    assert 1 <= sum(its_rows == {True} for its_rows in held_of.values()) <= len(COUNTRIES) / 4


def test_narratives_and_near_identical_passages_are_held_out_whole() -> None:
    held = held_out(INVENTED)
    of_pairs = held[: len(PAIRS)].reshape(-1, 2).tolist()
    of_narratives = held[len(PAIRS) :].reshape(-1, 9).tolist()
    assert all(len(set(pair)) == 1 for pair in of_pairs)
    assert all(len(set(narrative)) == 1 for narrative in of_narratives)
    assert 0.04 < held.mean() < 0.18


def test_what_is_held_out_stays_so_when_rows_are_added_or_moved() -> None:
    rows = [*REAL, *INVENTED]
    before = held_texts(rows)
    assert held_texts([*INVENTED, *REAL]) == before
    assert held_texts(rows[::2]) == before & {row["text"] for row in rows[::2]}
    more = [{"id": f"more-{n}", "text": f"More {n}.", "labels": ()} for n in range(300)]
    further = [
        {"text": f"Further {n}.", "doc": f"hrr/2022/{n}land.html", "labels": ()} for n in range(50)
    ]
    after = held_texts([*rows, *more, *further])
    assert after >= before
    assert after - before <= {row["text"] for row in (*more, *further)}


def test_no_rows_hold_nothing_out() -> None:
    assert held_out([]).tolist() == []


# ------------------------------------------------------------------------------ what they stand for

# by the highest
EASY = [0.001, 0.0, 0.002]  # the first of seven bins
HARD = [0.0, 0.5, 0.1]  # the fifth
SURE = [0.2, 0.95, 0.0]  # the last


def repeated(scores: list[float], count: int) -> Floats:
    """Return the scores of as many equal passages."""
    return np.tile(scores, (count, 1))


def test_shares_count_passages_by_their_highest_probability() -> None:
    families = ["hrr", "hrr", "dol", "hrr", "hrr"]
    shares = holdout_natural_shares(families, np.array([EASY, EASY, SURE, HARD, EASY]))
    # as if one of each bin had been drawn before
    assert shares["dol"] == pytest.approx([1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 8, 2 / 8])
    assert shares["hrr"] == pytest.approx([4 / 11, 1 / 11, 1 / 11, 1 / 11, 2 / 11, 1 / 11, 1 / 11])


def test_no_bin_is_taken_for_empty_by_a_few_passages() -> None:
    fifty_families = ["hrr" for _ in range(50)]
    shares = holdout_natural_shares(fifty_families, repeated(EASY, 50))
    scores = np.concatenate([repeated(EASY, 10), repeated(SURE, 10)])
    weights = holdout_natural_weights(fifty_families[:20], scores, shares)
    assert weights[-1] > 0
    assert weights[0] / weights[-1] == pytest.approx(51)


def test_hard_passages_that_were_chosen_more_often_count_less() -> None:
    shares = {"hrr": [0.75, 0, 0, 0, 0.25, 0, 0]}
    scores = np.array([EASY, HARD, HARD, HARD])  # three quarters hard, where a whole report has one
    weights = holdout_natural_weights(["hrr", "hrr", "hrr", "hrr"], scores, shares)
    assert weights == pytest.approx([3, 1 / 3, 1 / 3, 1 / 3])
    assert weights.mean() == pytest.approx(1)
    assert weights[1:].sum() / weights.sum() == pytest.approx(0.25)


def test_each_family_has_its_own_shares_and_one_without_counts_as_it_is() -> None:
    shares = {"hrr": [0.75, 0, 0, 0, 0.25, 0, 0], "dol": [0.5, 0, 0, 0, 0.5, 0, 0]}
    families = ["hrr", "hrr", "dol", "dol", "dol", "factbook", "factbook"]
    scores = np.array([EASY, HARD, EASY, EASY, HARD, EASY, HARD])
    weights = holdout_natural_weights(families, scores, shares)
    assert weights == pytest.approx([1.5, 0.5, 0.75, 0.75, 1.5, 1, 1])


def test_what_nobody_labelled_is_left_out_of_account() -> None:
    shares = {"hrr": [0.5, 0.25, 0, 0, 0.25, 0, 0]}  # no passage of the second bin here
    weights = holdout_natural_weights(["hrr", "hrr"], np.array([EASY, HARD]), shares)
    assert weights == pytest.approx([4 / 3, 2 / 3])
    # none here is in a bin that whole reports have
    lost = holdout_natural_weights(["hrr"], np.array([SURE]), shares)
    assert lost.tolist() == [0]


of_family = st.tuples(st.sampled_from(["hrr", "dol"]), st.integers(0, 100))


@given(st.lists(of_family, min_size=1, max_size=30), st.lists(of_family, min_size=1, max_size=30))
def test_weights_have_a_mean_of_one_in_each_family(
    here: list[tuple[str, int]], pool: list[tuple[str, int]]
) -> None:
    def families_and_scores(rows: list[tuple[str, int]]) -> tuple[list[str], Floats]:
        scores = np.array([percent / 100 for _, percent in rows])
        return [family for family, _ in rows], scores[:, None]

    shares = holdout_natural_shares(*families_and_scores(pool))
    families, scores = families_and_scores(here)
    weights = holdout_natural_weights(families, scores, shares)
    assert (weights >= 0).all()
    for family in set(families):
        assert weights[np.array(families) == family].mean() == pytest.approx(1)
