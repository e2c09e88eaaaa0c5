"""Exceptions of the package. Each message gives the problem, its place and the remedy."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "CorpusError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "TipclassifyError",
    "UsageError",
]


class TipclassifyError(Exception):
    """Base of all errors of the package; the command line prints the message without a traceback."""


class InputError(TipclassifyError):
    """Unreadable file or text."""


class UsageError(InputError):
    """Option or name that cannot be meant."""


class OutputError(TipclassifyError):
    """Output that cannot be written, as on a full disk."""


class ModelError(TipclassifyError):
    """Missing, damaged or incompatible model."""


class CorpusError(TipclassifyError):
    """Invalid rows in a labelled corpus; `problems` has one message a row, ``file:line: problem, remedy``."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class MissingExtraError(InputError):
    """Missing optional dependency of an input or output format."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'tipclassify[{extra}]'")
