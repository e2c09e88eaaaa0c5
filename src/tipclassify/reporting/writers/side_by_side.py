"""A comparison as one HTML page: each passage beside its counterpart, what changed first, and what the words were.

The page opens without a network, runs no script, and its policy allows none. Changed words are struck out or underlined, so
that colour is not needed; filters are check boxes that the style sheet reads (``:has``, Selectors Level 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

from markupsafe import Markup

from tipclassify.reporting.writers import Run
from tipclassify.reporting.writers.templating import asset, policy_hash, rendered
from tipclassify.reporting.writers.wording import probability, section_name

if TYPE_CHECKING:
    from tipclassify.reporting.comparison.changes import Change
    from tipclassify.reporting.comparison.comparison import Comparison, Pair

__all__ = ["write_side_by_side"]

_FOLDED: Final = ("new", "dropped", "same")  # until a reader opens them


def write_side_by_side(found: Comparison, out: IO[str], run: Run, same: bool = False) -> None:
    """Write one page for a comparison; passages that are the same only when asked for. The same input gives the same bytes."""
    groups = found.groups(same)
    rules = [
        f"body:has(#show-{kind}:not(:checked)) .group.{kind} {{ display: none; }}" for kind in (g.kind for g in groups)
    ]
    style = Markup("\n".join([asset("report.css"), asset("side_by_side.css"), *rules]))
    old, new = found.names
    out.writelines(
        rendered(
            "side_by_side.html",
            found=found,
            old=old,
            new=new,
            title=_title(found),
            reports=[
                (name, of, run.link(of.file)) for name, of in zip((old, new), (found.old, found.new), strict=True)
            ],
            groups=groups,
            counts=found.counts(),
            folded=_FOLDED,
            about=run.about(),
            style=style,
            style_hash=policy_hash(style),
            words=_words,
            where=_where,
            scores=_scores,
        )
    )


def _title(found: Comparison) -> str:
    countries = {report.document.country for report in (found.old, found.new) if report.document}
    old, new = found.names
    if len(countries) == 1 and (country := countries.pop()):
        return f"{country}: {old} and {new}"
    return " and ".join((report.document and report.document.title) or report.file for report in (found.old, found.new))


def _where(pair: Pair) -> list[str]:
    """Sections of both sides, each once."""
    return list(dict.fromkeys(section_name(side.passage.section) for side in (pair.old, pair.new) if side))


def _scores(change: Change) -> list[str]:
    """Probabilities before and after, each once."""
    return list(dict.fromkeys(probability(score) for score in (change.old, change.new) if score is not None))


def _words(pair: Pair) -> Iterator[list[tuple[str, str, bool]]]:
    """Pieces of the old text and of the new: words, the space after them, and whether they changed."""
    for pieces in pair.words():
        split = [(piece.text.rstrip(), piece) for piece in pieces]
        yield [(words, piece.text[len(words) :], bool(piece.changed and words)) for words, piece in split]
