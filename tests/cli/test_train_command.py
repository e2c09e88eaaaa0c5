"""``tipclassify train``: the trainer for who installed a wheel.

And whether a corpus is the one that a model was trained on.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from conftest import ROOT, Cli

from tipclassify import Classifier

ROWS = [
    {
        "text": f"The government pledged to open shelter {n} in Karvonia.",
        "labels": ["positive_effort"],
        "doc": f"d{n}",
    }
    if n % 2
    else {
        "text": f"Courts in Karvonia did not convict {n} traffickers.",
        "labels": ["failure"],
        "doc": f"d{n}",
    }
    for n in range(24)
]


def write(file: Path, rows: list[dict[str, object]]) -> Path:
    """Write rows to a file, and return its path."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_the_rows_to_learn_are_never_replaced(cli: Cli, tmp_path: Path) -> None:
    data = write(tmp_path / "my.jsonl", ROWS)
    link = tmp_path / "link.jsonl"
    link.symlink_to(data)
    for out in (data, link):
        done = cli("train", "--data", data, "--output", out)
        assert done.returncode == 2
        assert b"is an input, which the output would replace" in done.stderr
    assert data.read_text("utf-8").count("\n") == len(ROWS)


def test_train_writes_a_model_that_every_command_takes(cli: Cli, tmp_path: Path) -> None:
    data = write(tmp_path / "my.jsonl", ROWS)
    out = tmp_path / "mine"
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = cli("train", "--data", data, "--output", out, "--penalty", 10, env=environment)
    assert done.returncode == 0, done.stderr
    errors = done.stderr.decode()
    printed = done.stdout.decode()
    assert f"tipclassify: makes a new model in {out}" in errors
    assert f"tipclassify: saved {out}; use it with: tipclassify score --model {out} FILE" in errors
    assert "penalty 10: as given" in printed
    assert "real passages of the fixed set, learned by neither model" in printed
    assert "false alarms" in printed
    assert Classifier.load(out).meta["settings"]["penalty"] == 10
    again = cli("train", "--data", data, "--output", out, "--penalty", 10, env=environment)
    assert "the same bytes as before" in again.stderr.decode()
    flatter = cli("evaluate", data, "--model", out).stdout.decode()
    assert "24 of these passages are in this model's training: the figures flatter" in flatter
    checked = cli("corpus", "check", data, "--model", out)
    assert checked.returncode == 0
    assert "the same, SHA-256" in checked.stdout.decode()
    other = cli("corpus", "check", write(tmp_path / "other.jsonl", ROWS[1:]), "--model", out)
    assert other.returncode == 1
    assert "23 of those here are in the training of the model" in other.stdout.decode()


def test_train_says_in_a_line_what_is_missing_or_cannot_be_learned(
    cli: Cli, tmp_path: Path
) -> None:
    data = write(
        tmp_path / "none.jsonl",
        [{"text": f"It rained on day {n}.", "labels": []} for n in range(9)],
    )
    for given, code, says in (
        (("--output", tmp_path / "m"), 2, "--data"),
        (("--data", data), 2, "--output"),
        (("--data", data, "--output", tmp_path / "m", "--penalty", 0), 2, "--penalty"),
        (
            ("--data", data, "--output", tmp_path / "m"),
            1,
            "no passage has a label: nothing to learn; label some",
        ),
    ):
        done = cli("train", *given)
        assert done.returncode == code
        assert says in done.stderr.decode().splitlines()[-1]
    assert not (tmp_path / "m").exists()


def test_a_label_that_nobody_read_for_or_nobody_gave_is_named_and_never_measured_as_0(
    cli: Cli, tmp_path: Path
) -> None:
    data = write(tmp_path / "my.jsonl", ROWS)
    out = tmp_path / "mine"
    given = ("train", "--data", data, "--output", out, "--penalty", 1)
    done = cli(*given)
    assert b"complicity: no passage of 24 has it; if nobody read for it, name" in done.stderr
    done = cli(*given, "--annotated", "failure")
    assert done.returncode == 0, done.stderr
    for label in ("complicity", "positive_effort"):
        assert f"{label}: nobody read for it, so it stays as it was" in done.stderr.decode()
    card = (out / "README.md").read_text("utf-8")
    assert "| complicity | – – | – – | – – | 0 | – |" in card
    assert "nan" not in card
    texts = [str(row["text"]) for row in ROWS]
    before, after = (Classifier.load(name).predict_proba(texts) for name in ("default", out))
    same = (before == after).all(axis=0)
    assert same.tolist() == [True, False, True]
    done = cli("train", "--model", "fast", "--data", data, "-o", out, "--annotated", "failure")
    assert done.returncode == 1
    assert b"some passages were not read for all labels, and only the default" in done.stderr


# An installed package has neither train.py nor data/real.
TRAINING_SCRIPT = re.compile(r"'(?:python )?train\.py")


def test_no_message_and_no_help_advises_what_an_installed_package_lacks() -> None:
    advice = []
    for file in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            fetches = "'tipclassify corpus rebuild" in node.value and "clone" not in node.value
            if TRAINING_SCRIPT.search(node.value) or fetches:
                advice.append(f"{file.relative_to(ROOT)}:{node.lineno}: {node.value}")
    assert advice == []
