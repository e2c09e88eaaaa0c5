"""What counts as rounding between processors, and what does not."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys

import numpy as np
import tolerances
from conftest import ROOT
from tolerances import PROBABILITY, differences, most_turned

SCORES = """
import json, sys
from tipclassify import Classifier
texts = [json.loads(line)["text"] for line in open(sys.argv[1], "rb")]
print(json.dumps(Classifier.load().predict_proba(texts).tolist()))
"""


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


def test_noise_moves_scores_by_its_seed_as_another_processor_does() -> None:
    scores = []
    for seed in ("98", "98", "99"):
        noise = {"PYTHONPATH": str(ROOT / "tests" / "noise"), "NOISE": seed}
        command = [sys.executable, "-c", SCORES, str(ROOT / "models" / "default" / "golden.jsonl")]
        done = subprocess.run(command, env={**os.environ, **noise}, capture_output=True, check=True)
        scores.append(np.array(json.loads(done.stdout)))
    one, again, other = scores
    assert (one == again).all()
    moves = np.abs(one - other).max(axis=1)
    assert (moves > 1e-4).mean() > 0.1
    assert 0.001 < moves.max() <= PROBABILITY
