"""Results of verifying a bundle: a `Check` is one outcome; a `Step` collects those of many files or inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["Check", "Step", "differences", "listed", "many"]

_SHOWN: Final = 5  # names or line numbers in a message


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    check: str  # name of the step, such as "labels"
    result: Literal["ok", "differs", "not checked"]
    detail: str  # the finding, or the reason for "not checked"
    subject: str | None = None  # file or input; None for all


@dataclass
class Step:
    """The outcomes of one check on many files or inputs.

    >>> step = Step("text")
    >>> step.ok(); step.skip("not given", "a.html"); step.skip("not given", "b.html")
    >>> [(check.result, check.subject, check.detail) for check in step.checks("1 text read again")]
    [('ok', None, '1 text read again'), ('not checked', 'a.html, b.html', 'not given')]
    """

    name: str
    good: int = 0
    wrong: list[Check] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def ok(self) -> None:
        """Count a file or input as ok."""
        self.good += 1

    def differs(self, detail: str, subject: str | None = None) -> None:
        """Add a difference."""
        self.wrong.append(Check(self.name, "differs", detail, subject))

    def skip(self, reason: str, subject: str) -> None:
        """Add a file or input that could not be checked, with the reason."""
        self.skipped.setdefault(reason, []).append(subject)

    def compare(self, found: Any, stored: Any, subject: str | None = None) -> None:
        """Compare a computed value with the bundle's: add each difference, or count it as ok."""
        details = list(differences(found, stored))
        for detail in details:
            self.differs(detail, subject)
        self.good += not details

    def checks(self, when_ok: str, needed: str = "nothing to check") -> list[Check]:
        """Return the outcomes: each difference by itself; the ok ones as one; the skipped ones by reason."""
        if not (self.good or self.wrong or self.skipped):
            return [Check(self.name, "not checked", needed)]
        ok = [Check(self.name, "ok", when_ok)] if self.good else []
        skipped = [Check(self.name, "not checked", why, listed(names)) for why, names in self.skipped.items()]
        return [*ok, *self.wrong, *skipped]


def differences(found: Any, stored: Any, where: str = "") -> Iterator[str]:
    """Describe each value that differs between two nested dicts.

    >>> list(differences({"failure": {"count": 2, "share": 0.5}}, {"failure": {"count": 3, "share": 0.5}}))
    ['failure.count is 2, not 3 as the bundle says']
    """
    if isinstance(found, dict) and isinstance(stored, dict):
        for name in found | stored:
            yield from differences(found.get(name), stored.get(name), f"{where}.{name}".lstrip("."))
    elif found != stored:
        yield f"{where} is {found!r:.80}, not {stored!r:.80} as the bundle says"


def listed(names: Iterable[object]) -> str:
    """Join the first few names, with the number of the others.

    >>> listed("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    every = list(map(str, names))
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def many(number: int, what: str) -> str:
    """Format a count with its noun.

    >>> many(1, "input"), many(2_000, "passage")
    ('1 input', '2,000 passages')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
