"""The store of a desk, and the checks that people gave on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from tipclassify.errors import InputError
from tipclassify.store import Store
from tipclassify.store.state import Check
from tipclassify.write.desk import read_findings


def refuse_log(store: Store, log: Path) -> None:
    """Raise `InputError` for a log of decisions beside a store without any.

    Versions before the first release kept such logs; without this, their decisions would seem lost.
    """
    if log.is_file() and log.stat().st_size and not store.last:
        what = "has decisions of a version before 0.1.0, which this one does not read"
        raise InputError(f"{log}: {what}; move it elsewhere to begin anew")


def open_desk(folder: Path) -> Store:
    """Open the store of a desk."""
    store = Store(folder / "tipclassify.sqlite", "choose another FOLDER")
    refuse_log(store, folder / "desk.events")
    return store


def read_checks(path: Path, notify: Callable[[str], None]) -> list[Check]:
    """Read the checks of a desk's folder or store.

    `notify` takes a line for a check of other labels than a desk's finding has now, which does not
    count. Raises `InputError` when there are no checks.
    """
    if path.is_dir():
        file = path / "tipclassify.sqlite"
        if not file.is_file():
            remedy = f"check findings with 'tipclassify desk {path}'"
            raise InputError(f"{file}: no such file; {remedy}")
        checks = _still_valid(path, open_desk(path).checks(), notify)
    else:
        remedy = "give the folder of a desk, or its tipclassify.sqlite"
        if not path.is_file() or not path.stat().st_size:
            raise InputError(f"{path}: no such file, or an empty one; {remedy}")
        checks = Store(path, remedy).checks()
    if not checks:
        raise InputError(f"{path}: no finding is checked; check some, or leave out --checks")
    return checks


def _still_valid(desk: Path, checks: Iterable[Check], notify: Callable[[str], None]) -> list[Check]:
    """Leave out checks of findings that have other labels since, or are no longer there."""
    labels = {
        (row["key"], row["start"], row["end"]): tuple(row["labels"]) for row in read_findings(desk)
    }
    valid = []
    for check in checks:
        now = labels.get((check.key, check.start, check.end))
        if now is None:
            notify(f"{desk}: a checked finding is no longer on the desk, and is left out")
        elif check.verdict and now != check.labels:
            notify(f"{desk}: {check.annotator} checked other tags of a finding; left out")
        else:
            valid.append(check)
    return valid
