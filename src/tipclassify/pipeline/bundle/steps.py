"""What a check of a bundle comes to: ok, differing, or not made, with what was compared or why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["Check", "Step", "differences", "listed", "many"]

_SHOWN: Final = 5  # names or lines; who needs all has the files


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    check: str  # which step: "labels", say
    result: Literal["ok", "differs", "not checked"]
    detail: str  # what was found, or why it could not be checked
    subject: str | None = None  # the file or input it is about; None for all of them


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
        """Count one more that is as it should be."""
        self.good += 1

    def differs(self, detail: str, subject: str | None = None) -> None:
        """Add a difference."""
        self.wrong.append(Check(self.name, "differs", detail, subject))

    def skip(self, reason: str, subject: str) -> None:
        """Add what could not be checked."""
        self.skipped.setdefault(reason, []).append(subject)

    def compare(self, found: Any, stored: Any, subject: str | None = None) -> None:
        """Add each difference between a value found and the one in the bundle, or count it as ok."""
        details = list(differences(found, stored))
        for detail in details:
            self.differs(detail, subject)
        self.good += not details

    def checks(self, when_ok: str, needed: str = "nothing to check") -> list[Check]:
        """What differs one by one; what is ok, and what was not checked for the same reason, together."""
        if not (self.good or self.wrong or self.skipped):
            return [Check(self.name, "not checked", needed)]
        ok = [Check(self.name, "ok", when_ok)] if self.good else []
        skipped = [Check(self.name, "not checked", why, listed(names)) for why, names in self.skipped.items()]
        return [*ok, *self.wrong, *skipped]


def differences(found: Any, stored: Any, where: str = "") -> Iterator[str]:
    """A line for each value that is not the same in two nested dicts.

    >>> list(differences({"failure": {"count": 2, "share": 0.5}}, {"failure": {"count": 3, "share": 0.5}}))
    ['failure.count is 2, not 3 as the bundle says']
    """
    if isinstance(found, dict) and isinstance(stored, dict):
        for name in found | stored:
            yield from differences(found.get(name), stored.get(name), f"{where}.{name}".lstrip("."))
    elif found != stored:
        yield f"{where} is {found!r:.80}, not {stored!r:.80} as the bundle says"


def listed(names: Iterable[object]) -> str:
    """The first few names, and how many more there are.

    >>> listed("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    every = list(map(str, names))
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def many(number: int, what: str) -> str:
    """A number of things.

    >>> many(1, "input"), many(2_000, "passage")
    ('1 input', '2,000 passages')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
