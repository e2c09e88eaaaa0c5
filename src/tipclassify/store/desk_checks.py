"""Checks of a desk, read for a bundle: from its log, or from a file that its page exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from tipclassify.app.desk_session import (
    LOG,
    PersonCheck,
    checks_of_desk_finding,
    read_findings_to_check,
)
from tipclassify.bundle.write import FindingCheck
from tipclassify.errors import InputError
from tipclassify.formatting import load_json
from tipclassify.readers.limits import read_bounded
from tipclassify.store.events import History, parse_event

__all__ = ["read_checks"]


class ExportedFinding(msgspec.Struct, frozen=True):
    """A finding in a file that the page exported."""

    text: str
    start: int
    end: int
    labels: tuple[str, ...]


class ExportedChecks(msgspec.Struct, frozen=True):
    """A file that the page exported: checks by finding and person, and the findings."""

    checks: dict[str, dict[str, PersonCheck]]
    findings: dict[str, ExportedFinding]


def read_checks(path: Path, notify: Callable[[str], None]) -> list[FindingCheck]:
    """Read the checks of a desk's folder, or of a file that its page exported.

    `notify` is called with a line for what cannot be read of the desk. Raises `InputError` when
    there are no checks.
    """
    checks = (
        _review_checks_of_desk_folder(path, notify)
        if path.is_dir()
        else _read_exported_desk_checks(path)
    )
    if not checks:
        raise InputError(f"{path}: no finding is checked; check some, or leave out --checks")
    return checks


def _review_checks_of_desk_folder(
    folder: Path, notify: Callable[[str], None]
) -> list[FindingCheck]:
    findings = read_findings_to_check(folder, notify)
    log = folder / LOG
    if not log.is_file():
        raise InputError(f"{log}: no such file; check findings with 'tipclassify desk {folder}'")
    history = History()
    for number, line in enumerate(read_bounded(str(log)).splitlines(keepends=True), 1):
        try:
            history.add(parse_event(line))
        except ValueError as error:
            what = f"not an event ({error}); correct this line, from a copy if there is one"
            raise InputError(f"{log}:{number}: {what}") from None
    checks = []
    for key in history.by_passage:
        if key not in findings:
            notify(f"{folder}: a checked finding is no longer on the desk, and is left out: {key}")
            continue
        finding = findings[key]
        exported = ExportedFinding(finding.text, finding.start, finding.end, finding.labels)
        by_person = checks_of_desk_finding(key, history, finding.labels)
        for person in history.decisions(key):
            if not by_person.get(person, {}).get("verdict"):
                notify(f"{folder}: {person} checked other tags of a finding; left out: {key}")
        checks += _review_finding_checks(key, exported, by_person)
    return checks


def _read_exported_desk_checks(file: Path) -> list[FindingCheck]:
    try:
        exported = msgspec.convert(load_json(read_bounded(str(file))), ExportedChecks)
    except ValueError:
        remedy = "give the folder of a desk, or what 'Export checks' on its page saved"
        raise InputError(f"{file}: no checks of a desk; {remedy}") from None
    return [
        check
        for key, by_person in exported.checks.items()
        if key in exported.findings
        for check in _review_finding_checks(key, exported.findings[key], by_person)
    ]


def _review_finding_checks(
    key: str, finding: ExportedFinding, by_person: dict[str, PersonCheck]
) -> list[FindingCheck]:
    return [
        FindingCheck(
            key=key,
            text=finding.text,
            start=finding.start,
            end=finding.end,
            labels=finding.labels,
            annotator=person,
            verdict=check.get("verdict", ""),  # type: ignore[arg-type]
            note=check.get("note", ""),
            time=check.get("time", ""),
        )
        for person, check in by_person.items()
    ]
