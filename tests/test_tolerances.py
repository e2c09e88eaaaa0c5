"""What counts as rounding between processors, and what does not."""

from __future__ import annotations

import doctest

import tolerances
from tolerances import differences, most_turned


def test_the_examples_are_true() -> None:
    failed, attempted = doctest.testmod(tolerances)
    assert (failed, attempted > 2) == (0, True)


def test_a_rule_may_have_two_cases_turned_or_one_in_fifty() -> None:
    assert [most_turned(cases) for cases in (25, 100, 1_000)] == [2, 2, 20]


def test_words_labels_lines_and_large_moves_are_no_rounding() -> None:
    stored = "failure  0.97  Police slept.\ncomplicity 4 (20%)\n   +1.200  slept"
    near = "failure 0.80 Police slept.\ncomplicity 3 (15%)\n   +0.300  Police"
    assert differences(near, stored) == []
    for line in ("failure 0.60 Police slept.", "failure 0.97 Police acted.", "failure 0.97"):
        assert differences("\n".join([line, *stored.split("\n")[1:]]), stored) != []
    assert differences(stored.replace("4 (20%)", "2 (10%)"), stored) != []
    assert differences(stored + "\nmore", stored) == ["+ more"]
