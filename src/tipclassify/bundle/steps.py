"""Outcomes of a verification, and the words for what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "BundleVerificationStep",
    "Check",
    "describe_differences_from_bundle",
    "describe_hash_unlike_bundle",
    "list_for_bundle_check",
]

_SHOWN: Final = 5  # names or line numbers in a message


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    check: str  # name of the step, such as "labels"
    result: Literal["ok", "differs", "not checked"]
    detail: str  # the finding, or the reason for "not checked"
    subject: str | None = None  # file or input; None for all


@dataclass
class BundleVerificationStep:
    """The outcomes of one check on many files or inputs."""

    name: str
    good: int = 0  # files or inputs that are as they should be
    others: list[Check] = field(default_factory=list)

    def add(self, details: Iterable[str], subject: str | None = None) -> None:
        """Add what differs in a file or input; one without any difference counts as good."""
        checks = [Check(self.name, "differs", detail, subject) for detail in details]
        if checks:
            self.others += checks
        else:
            self.good += 1

    def checks(self, when_ok: str, needed: str = "nothing to check") -> list[Check]:
        """Return the good outcomes as one, then the others."""
        if not self.good:
            return self.others or [Check(self.name, "not checked", needed)]
        return [Check(self.name, "ok", when_ok), *self.others]


def describe_differences_from_bundle(
    here: object, stored: object, where: str = ""
) -> Iterator[str]:
    """Describe each value, of nested dictionaries, that is another than in the bundle.

    >>> list(describe_differences_from_bundle({"failure": {"count": 3}}, {"failure": {"count": 4}}))
    ['failure.count is 3, not 4 as the bundle says']
    """
    if isinstance(here, dict) and isinstance(stored, dict):
        for name in here | stored:
            inner = f"{where}.{name}".lstrip(".")
            yield from describe_differences_from_bundle(here.get(name), stored.get(name), inner)
    elif here != stored:
        yield f"{where} is {here!r:.80}, not {stored!r:.80} as the bundle says"


def describe_hash_unlike_bundle(here: str, stored: str) -> str:
    """Describe a SHA-256 that is another than the stored one."""
    return f"SHA-256 {here[:12]}…, not {stored[:12]}…"


def list_for_bundle_check(names: Sequence[object]) -> str:
    """Join the first names, and count the others."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(str, names[:_SHOWN])) + more
