"""The store of a desk, and what people decided on its findings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tipclassify.errors import InputError
from tipclassify.store import Store, refuse_old_log
from tipclassify.store.state import Check
from tipclassify.write.desk import read_findings


def open_desk(folder: Path) -> Store:
    """Open the store of a desk."""
    path = folder / "tipclassify.sqlite"
    refuse_old_log(folder / "desk.events", path)
    return Store(path, "choose another FOLDER")


def read_checks(path: Path, notify: Callable[[str], None]) -> list[Check]:
    """Read the checks of a desk's folder or store.

    `notify` takes a line for a check of a finding that is no longer on the desk, which does not
    count. Raises `InputError` when there are no checks.
    """
    if path.is_dir():
        if not any((path / name).is_file() for name in ("tipclassify.sqlite", "desk.events")):
            missing = path / "tipclassify.sqlite"
            remedy = f"check findings with 'tipclassify desk {path}'"
            raise InputError(f"{missing}: no such file; {remedy}")
        there = {(row["key"], row["start"], row["end"]) for row in read_findings(path)}
        checks = []
        for check in open_desk(path).checks():
            if (check.key, check.start, check.end) in there:
                checks.append(check)
            else:
                notify(f"{path}: a checked finding is no longer on the desk, and is left out")
    else:
        remedy = "give the folder of a desk, or its tipclassify.sqlite"
        if not path.is_file() or not path.stat().st_size:
            raise InputError(f"{path}: no such file, or an empty one; {remedy}")
        checks = Store(path, remedy).checks()
    if not checks:
        raise InputError(f"{path}: no finding is checked; check some, or leave out --checks")
    return checks
