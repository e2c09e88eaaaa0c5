"""Exceptions of the package. Each message gives the problem, its place and the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class TipclassifyError(Exception):
    """Base of all errors of the package; the command line prints them without a traceback."""


class InputError(TipclassifyError):
    """Unreadable file or text."""


class UsageError(InputError):
    """Invalid option value or name."""


class OutputError(TipclassifyError):
    """Output that cannot be written, as on a full disk."""


class ModelError(TipclassifyError):
    """Missing, damaged or incompatible model."""


class CorpusError(TipclassifyError):
    """Invalid rows in a labelled corpus.

    `problems` has one message a row, ``file:line: problem; remedy``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def reason_of_error(error: Exception) -> str:
    """Return why the operating system refused, or an exception's message, in lower case."""
    return str(getattr(error, "strerror", None) or error).lower()


def unreadable(name: str, error: Exception) -> InputError:
    """Make a one-line error for an input on which a reader or the scoring failed unexpectedly."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200].removesuffix(":")
    return InputError(
        f"{name}: cannot be read ({reason}); save it in another format, and report this to us"
    )


def package_of(error: ImportError) -> str:
    """Return the name by which pip takes what an import lacks.

    >>> package_of(ImportError(name="sklearn.svm"))
    'scikit-learn'
    """
    # without a name only from lxml, whose cleaner is a package of its own
    module = (error.name or "lxml_html_clean").split(".")[0]
    return {"sklearn": "scikit-learn", "markdown_it": "markdown-it-py"}.get(
        module, module.replace("_", "-")
    )


class MissingExtraError(InputError):
    """Missing optional dependency of an input or output format."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: pip install 'tipclassify[{extra}]'")


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Raise `MissingExtraError` where an import in the block fails."""
    try:
        yield
    except ImportError:
        raise MissingExtraError(what, extra) from None


class LinkError(InputError):
    """Link that could not be downloaded."""

    def __init__(self, reason: str, *, status: int | None = None, retry: bool = False) -> None:
        super().__init__(reason)
        self.status = status  # of HTTP, if there was a response
        self.retry = retry  # whether to try once more after a pause
