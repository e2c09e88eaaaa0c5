"""HTML writer of a comparison: one self-contained page with each passage beside its counterpart, label changes first.

No script: the content security policy allows none, and filters are check boxes read by CSS (``:has``, Selectors Level
4). Changed words are struck out or underlined, so that the page does not rely on colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

from markupsafe import Markup

from tipclassify.reporting.writers import ScoringContext
from tipclassify.reporting.writers.templating import asset, policy_hash, rendered
from tipclassify.reporting.writers.wording import probability, section_name

if TYPE_CHECKING:
    from tipclassify.reporting.comparison.changes import Change
    from tipclassify.reporting.comparison.comparison import Comparison, Pair

__all__ = ["write_side_by_side"]

_COLLAPSED: Final = ("new", "dropped", "same")  # kinds that are collapsed at first


def write_side_by_side(comparison: Comparison, out: IO[str], context: ScoringContext, same: bool = False) -> None:
    """Write one page for a comparison; same passages only if `same`. The same input gives the same bytes."""
    groups = comparison.groups(same)
    rules = [
        f"body:has(#show-{kind}:not(:checked)) .group.{kind} {{ display: none; }}" for kind in (g.kind for g in groups)
    ]
    style = Markup("\n".join([asset("report.css"), asset("side_by_side.css"), *rules]))
    old, new = comparison.names
    out.writelines(
        rendered(
            "side_by_side.html",
            comparison=comparison,
            old=old,
            new=new,
            title=_title(comparison),
            reports=[
                (name, of, context.link(of.file))
                for name, of in zip((old, new), (comparison.old, comparison.new), strict=True)
            ],
            groups=groups,
            counts=comparison.counts(),
            collapsed=_COLLAPSED,
            about=context.about(),
            style=style,
            style_hash=policy_hash(style),
            words=_words,
            where=_where,
            scores=_scores,
        )
    )


def _title(comparison: Comparison) -> str:
    countries = {report.document.country for report in (comparison.old, comparison.new) if report.document}
    old, new = comparison.names
    if len(countries) == 1 and (country := countries.pop()):
        return f"{country}: {old} and {new}"
    return " and ".join(
        (report.document and report.document.title) or report.file for report in (comparison.old, comparison.new)
    )


def _where(pair: Pair) -> list[str]:
    """List the sections of both sides, each once."""
    return list(dict.fromkeys(section_name(side.passage.section) for side in (pair.old, pair.new) if side))


def _scores(change: Change) -> list[str]:
    """Format the probabilities before and after, each once."""
    return list(dict.fromkeys(probability(score) for score in (change.old, change.new) if score is not None))


def _words(pair: Pair) -> Iterator[list[tuple[str, str, bool]]]:
    """Yield the segments of the old and of the new text: words, trailing space, and whether they changed."""
    for segments in pair.words():
        split = [(segment.text.rstrip(), segment) for segment in segments]
        yield [(words, segment.text[len(words) :], bool(segment.changed and words)) for words, segment in split]
