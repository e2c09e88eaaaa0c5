"""The store of a desk, and the checks that people gave on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from tipclassify.errors import InputError
from tipclassify.store import Store
from tipclassify.store.importing import UNPLACED, import_log
from tipclassify.store.state import Check
from tipclassify.write.desk import read_findings


def open_desk(folder: Path) -> Store:
    """Open the store of a desk, with what its log of earlier versions has."""
    store = Store(folder / "tipclassify.sqlite", "choose another FOLDER")
    import_log(store, folder / "desk.events")
    return store


def read_checks(path: Path, notify: Callable[[str], None]) -> list[Check]:
    """Read the checks of a desk's folder or store.

    What an earlier version kept has no report: it is known by its key and characters. `notify` takes
    a line for a check of other labels than a desk's finding has now, which does not count. Raises
    `InputError` when there are no checks.
    """
    if path.is_dir():
        if not any((path / name).is_file() for name in ("tipclassify.sqlite", "desk.events")):
            missing = path / "tipclassify.sqlite"
            remedy = f"check findings with 'tipclassify desk {path}'"
            raise InputError(f"{missing}: no such file; {remedy}")
        checks = _still_valid(path, open_desk(path).checks(), notify)
    else:
        remedy = "give the folder of a desk, or its tipclassify.sqlite"
        if not path.is_file() or not path.stat().st_size:
            raise InputError(f"{path}: no such file, or an empty one; {remedy}")
        checks = Store(path, remedy).checks()
    checks = [
        check._replace(report="") if check.report.startswith(UNPLACED) else check
        for check in checks
    ]
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
        elif check.verdict in ("confirmed", "rejected") and now != check.labels:
            notify(f"{desk}: {check.annotator} checked other tags of a finding; left out")
        else:
            valid.append(check)
    return valid
