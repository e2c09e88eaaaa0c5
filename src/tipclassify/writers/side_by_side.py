"""A comparison as one HTML page: each passage beside its counterpart, what changed first, and what the words were.

The page opens without a network, runs no script, and its policy allows none. Changed words are struck out or underlined, so
that colour is not needed; filters are check boxes that the style sheet reads (``:has``, Selectors Level 4).
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

from tipclassify._version import __version__
from tipclassify.document import Passage
from tipclassify.labels import LABELS
from tipclassify.writers import Finding, Run, TaggedReport
from tipclassify.writers.markup import asset, attribute, content
from tipclassify.writers.wording import NAMES, badge, probability, section_name

if TYPE_CHECKING:
    from tipclassify.changes import Change
    from tipclassify.comparison import Comparison, Group, Pair
    from tipclassify.rewording import Piece

__all__ = ["write_side_by_side"]

_FOLDED: Final = ("new", "dropped", "same")  # until a reader opens them


def write_side_by_side(found: Comparison, out: IO[str], run: Run, same: bool = False) -> None:
    """One page for a comparison; passages that are the same only when asked for. The same input gives the same bytes."""
    groups = found.groups(same)
    style = "\n".join(map(asset, ("report.css", "side_by_side.css")))
    style += "\n".join(
        f"body:has(#show-{group.kind}:not(:checked)) .group.{group.kind} {{ display: none; }}" for group in groups
    )
    digest = b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    title = _title(found)
    out.write(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="tipclassify {__version__}">\n'
        f"<title>{attribute(title)} · compared</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#changes">Skip to the changes</a>\n'
    )
    out.writelines(_above(found, groups, title, run))
    out.write('<main class="page changes" id="changes" tabindex="-1">\n')
    for group in groups:
        out.writelines(_group(group, found))
    about = " · ".join(f"{name} {content(value)}" for name, value in run.about().items())
    out.write(
        f'</main>\n<footer class="page">\n<p>Made with {about}.</p>\n'
        "<p>This file is complete in itself: it loads nothing and sends nothing.</p>\n</footer>\n</body>\n</html>\n"
    )


# --------------------------------------------------------------------------------------------- above the pairs


def _title(found: Comparison) -> str:
    countries = {report.document.country for report in (found.old, found.new) if report.document}
    old, new = found.names
    if len(countries) == 1 and (country := countries.pop()):
        return f"{country}: {old} and {new}"
    return " and ".join((report.document and report.document.title) or report.file for report in (found.old, found.new))


def _above(found: Comparison, groups: list[Group], title: str, run: Run) -> Iterator[str]:
    (old, new), counts = found.names, found.counts()
    yield f'<div class="page compared">\n<header>\n<h1>{content(title)}</h1>\n'
    for name, report in zip((old, new), (found.old, found.new), strict=True):
        yield f'<p class="facts"><b>{name}</b> {_source(report, run)}</p>\n'
    yield "".join(f'<p class="doubt"><strong>Note: {content(doubt)}.</strong></p>\n' for doubt in found.doubts())
    yield (
        f"<p>A program set {len(found.old.passages)} passages of {old} beside {len(found.new.passages)} of {new}: "
        f"<strong>{counts['reworded']} were reworded, {counts['dropped']} were not found in {new}, {counts['new']} were not "
        f"found in {old}</strong>, {counts['same']} stayed the same.</p>\n"
        "<p>What is not found may be reported in other words, and what is no longer reported need not have stopped. "
        "<strong>Read both passages in their sources before you cite a change.</strong></p>\n</header>\n"
    )
    yield from _kinds(groups)
    yield "</div>\n"


def _kinds(groups: list[Group]) -> Iterator[str]:
    """What changed, in counts; each kind can be left out."""
    yield '<section class="kinds" aria-labelledby="kinds">\n<h2 id="kinds">What changed</h2>\n'
    if not groups:
        yield "<p>Nothing: the passages of both reports are the same.</p>\n</section>\n"
        return
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Kind", "Listed", "Elsewhere", "Borderline"))
    yield f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
    for group in groups:
        counts = (len(group.pairs), group.elsewhere, group.borderline)
        yield (
            f'<tr><th scope="row"><span><input type="checkbox" id="show-{group.kind}" checked '
            f'aria-label="Show: {attribute(group.title)}"><a href="#{group.kind}">{content(group.title)}</a></span></th>'
            + "".join(f"<td>{count or '–'}</td>" for count in counts)
            + "</tr>\n"
        )
    yield (
        '</tbody>\n</table>\n<div class="notes">\n'
        '<p><label><input type="checkbox" id="show-borderline" checked aria-label="Show borderline changes"><span>Borderline '
        "changes: the model’s probabilities, which stand after each change, lie so near to its threshold on both sides that "
        "another wording could have turned the tag.</span></label></p>\n"
        "<p>A pair with several changes is listed once, under the first of its kinds; elsewhere are those listed under a "
        "kind above or below.</p>\n</div>\n</section>\n"
    )


def _source(report: TaggedReport, run: Run) -> str:
    link, document = run.link(report.file), report.document
    name = f'<span class="source">{content(report.file)}</span>'
    if link:
        name = f'<a href="{attribute(link)}" rel="noopener noreferrer">{name}</a>'
    titled = document is not None and document.title and document.title != report.file
    return (f"{content(document.title)} · " if document and document.title and titled else "") + name


# --------------------------------------------------------------------------------------------- pairs


def _group(group: Group, found: Comparison) -> Iterator[str]:
    opened = "" if group.kind in _FOLDED else " open"
    yield f'<details class="group {group.kind}" id="{group.kind}"{opened}>\n<summary><h2>{content(group.title)} '
    yield f"<small>{len(group.pairs)}</small></h2></summary>\n"
    yield f'<p class="facts">{content(group.meaning[:1].upper() + group.meaning[1:])}.'
    if group.elsewhere:
        more = "more such change is" if group.elsewhere == 1 else "more such changes are"
        yield f" {group.elsewhere} {more} listed under other headings."
    yield "</p>\n"
    if group.pairs:
        yield "<ol>\n"
        for pair in group.pairs:
            yield from _pair(pair, found)
        yield "</ol>\n"
    yield "</details>\n"


def _pair(pair: Pair, found: Comparison) -> Iterator[str]:
    sort = "plain" if not pair.changes else "borderline" if pair.changes[0].borderline else "clear"
    yield f'<li class="pair {sort}">\n<p class="what">'
    for change in pair.changes:
        yield f"<span>{_change(change)}</span> "
    yield f'<span class="where">{_where(pair)}</span></p>\n<div class="sides">\n'
    old, new = pair.words()
    if pair.alignment == "same":
        yield _side(pair.new, " and ".join(found.names), new, "ins", " both")
    else:
        yield _side(pair.old, found.names[0], old, "del") or _missing(pair, found.names[0])
        yield _side(pair.new, found.names[1], new, "ins") or _missing(pair, found.names[1])
    yield "</div>\n</li>\n"


def _change(change: Change) -> str:
    scores = dict.fromkeys(probability(score) for score in (change.old, change.new) if score is not None)
    return (
        f"{badge(change.label)} <b>{NAMES[change.label]} {'newly' if change.came else 'no longer'} reported</b> "
        f'<span class="score"><span class="vh">probability </span>{" → ".join(scores)}</span>'
        + (" <i>borderline</i>" if change.borderline else "")
    )


def _where(pair: Pair) -> str:
    sections = dict.fromkeys(section_name(side.passage.section) for side in (pair.old, pair.new) if side)
    similarity = f" · similarity {pair.similarity:.2f}" if pair.alignment == "reworded" else ""
    return " → ".join(map(content, sections)) + similarity


def _side(finding: Finding | None, name: str, pieces: list[Piece], element: str, wide: str = "") -> str:
    if finding is None:
        return ""
    passage = finding.passage
    text = "".join(_piece(piece, element) for piece in pieces)
    page = f" · page {passage.page}" if passage.page else ""
    return (
        f'<div class="side{wide}">\n<p class="name"><b>{name}</b>{page}{_labels(passage)}</p>\n'
        f'<p class="said">{text}</p>\n</div>\n'
    )


def _piece(piece: Piece, element: str) -> str:
    words = piece.text.rstrip()
    if not piece.changed or not words:
        return content(piece.text)
    return f"<{element}>{content(words)}</{element}>{content(piece.text[len(words) :])}"


def _labels(passage: Passage) -> str:
    shown = "".join(
        f' {badge(label)}<span class="vh"> {NAMES[label]}</span>' for label in LABELS if label in passage.labels
    )
    return shown + (" <i>low confidence</i>" if passage.low_confidence else "")


def _missing(pair: Pair, name: str) -> str:
    nearest = ""
    if pair.nearest and pair.changes:
        nearest = (
            f'\n<p class="nearest">Nearest there, similarity {pair.nearness:.2f}: '
            f"“{content(pair.nearest.passage.text)}”</p>"
        )
    return f'<div class="side missing">\n<p class="name"><b>{name}</b> · not found</p>{nearest}\n</div>\n'
