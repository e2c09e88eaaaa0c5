"""The holdout is of whole countries and groups, equal in every training."""

from __future__ import annotations

import pytest

from tipclassify.corpus.holdout import (
    held_out,
    holdout_country,
    is_real,
    source_family,
)
from tipclassify.corpus.rows import Row

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
