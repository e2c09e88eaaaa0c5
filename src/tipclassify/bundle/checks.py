"""What a check of a bundle comes to: ok, differing, or not made, with what was compared or why not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = ["Check", "Result", "Step", "listed", "many", "on_lines"]

Result = Literal["ok", "differs", "not checked"]

_SHOWN: Final = 5  # names or lines; who needs all has the files


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check.

    Attributes
    ----------
    check : str
        Which step: ``"labels"``, say.
    result : str
        ``"ok"``, ``"differs"`` or ``"not checked"``.
    detail : str
        What was found, or why it could not be looked at.
    subject : str or None
        The file or input it is about; None for all of them.
    """

    check: str
    result: Result
    detail: str
    subject: str | None = None


@dataclass
class Step:
    """The outcomes of one check on many files or inputs, told in as few lines as say it all."""

    name: str
    good: int = 0
    wrong: list[Check] = field(default_factory=list)
    left: dict[str, list[str]] = field(default_factory=dict)

    def ok(self) -> None:
        """One more is as it should be."""
        self.good += 1

    def differs(self, detail: str, subject: str | None = None) -> None:
        """This is not as it should be."""
        self.wrong.append(Check(self.name, "differs", detail, subject))

    def not_checked(self, reason: str, subject: str) -> None:
        """This could not be looked at."""
        self.left.setdefault(reason, []).append(subject)

    def checks(self, when_ok: str) -> list[Check]:
        """What differs one by one; what is ok, and what is not checked for the same reason, together.

        >>> step = Step("text")
        >>> step.ok(); step.not_checked("not given", "a.html"); step.not_checked("not given", "b.html")
        >>> [(check.result, check.subject, check.detail) for check in step.checks("1 text read again")]
        [('ok', None, '1 text read again'), ('not checked', 'a.html, b.html', 'not given')]
        """
        ok = [Check(self.name, "ok", when_ok)] if self.good or not (self.wrong or self.left) else []
        left = [Check(self.name, "not checked", reason, listed(names)) for reason, names in self.left.items()]
        return [*ok, *self.wrong, *left]


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are.

    >>> listed("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    every = list(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def many(number: int, what: str) -> str:
    """So many of something.

    >>> many(1, "input"), many(2_000, "passage")
    ('1 input', '2,000 passages')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def on_lines(lines: Iterable[int]) -> str:
    """Lines of ``passages.jsonl``.

    >>> on_lines([3]), on_lines([3, 8])
    ('line 3', 'lines 3, 8')
    """
    every = list(map(str, lines))
    return ("line " if len(every) == 1 else "lines ") + listed(every)
