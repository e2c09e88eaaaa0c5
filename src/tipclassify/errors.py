"""One family of errors. Each message says what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["CorpusError", "InputError", "MissingExtraError", "ModelError", "TipclassifyError"]


class TipclassifyError(Exception):
    """Anything that tipclassify reports in one line. The command line prints it without a traceback."""


class InputError(TipclassifyError):
    """A file or text that cannot be read."""


class ModelError(TipclassifyError):
    """A model that is missing, damaged, or made for something else."""


class CorpusError(TipclassifyError):
    """A labelled corpus with bad rows.

    Attributes
    ----------
    problems : list of str
        One line each, ``file:line: what, what to do``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class MissingExtraError(InputError):
    """An optional dependency that this input or output needs is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'tipclassify[{extra}]'")
