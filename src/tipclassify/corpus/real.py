"""Find the labelled passages of real reports in public files, as corpus rows.

Their labels are known by the hash of each passage's words.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree

from tipclassify.corpus.answers import parse_labels
from tipclassify.corpus.rows import Row, parse_stands_for
from tipclassify.errors import CorpusError, InputError, LinkError
from tipclassify.formatting import load_json
from tipclassify.readers import RULES
from tipclassify.readers.child import read_bytes_isolated
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.readers.rows import parse_row
from tipclassify.records import Document
from tipclassify.records import key as key_of
from tipclassify.text.split import split_passages, text_document
from tipclassify.whole_files import open_whole_file

PASSAGES: Final = "passages.jsonl"
"""File beside ``labels.csv`` with the passages found."""

STALE: Final = "stale.csv"
"""File beside it with the labels that are of no passage any more."""

# of a text that is searched word by word; the longest source file has 84,000
_MAX_WORDS: Final = 1_000_000
_MAX_CELL: Final = 10_000_000  # characters of a CSV cell; a statement of a company stands in one
# consecutive failed downloads, after which the network or the site is taken to be down
_MAX_FAILURES: Final = 3
# separates the clauses of a Factbook field and belongs to neither
_CLAUSE_PUNCTUATION: Final = ".;:,"
# in the name or content of a Factbook field: one in a hundred of a year's file
_SUBJECT: Final = "traffick"
# Two string literals side by side in an INSERT statement, name and content; a quote inside is
# doubled.
_SQL_FIELD: Final = re.compile(r"'([^']*(?:''[^']*)*)', N?'([^']*(?:''[^']*)*)'")


@dataclass(frozen=True, slots=True)
class Reference:
    """A row of ``labels.csv``: the source of a passage and its labels."""

    key: str  # `records.key` of its text
    words: int  # separated by white space
    source: str  # its document, such as ``hrr/2020/china.html``
    section: str | None  # the heading above it
    labels: tuple[str, ...]  # under that heading
    labels_alone: tuple[str, ...] | None  # of the bare sentence, where they differ
    annotator: str
    # passages of whole reports that it stands for in figures; None outside the random sample
    stands_for: float | None
    rules: int  # `readers.RULES` under which it was labelled, or last found to be a passage

    @property
    def family(self) -> str:
        """Source family: the source up to the first slash."""
        return self.source.partition("/")[0]

    def corpus_row(self, text: str) -> Row:
        """Make the corpus row, given the passage's text."""
        row: Row = {"id": f"real-{self.key}", "text": text, "labels": list(self.labels)}
        if self.labels_alone is not None:
            row["labels_alone"] = ";".join(self.labels_alone) or "none"
        row["section"] = self.section
        row["pair"] = None
        row["doc"] = self.source
        row["source"] = self.family
        row["annotator"] = self.annotator
        if self.stands_for is not None:
            row["stands_for"] = self.stands_for
        row["rules"] = self.rules
        return row


class Found(NamedTuple):
    """The text of a label, as a source file has it."""

    text: str
    # the headings under which it is a passage of the file; empty if it is only a part of one
    sections: frozenset[str | None] = frozenset()


class Rebuilt(NamedTuple):
    """Result of `rebuild`; the lists are in the order of ``labels.csv``."""

    rows: list[Row]  # of the corpus
    missing: list[Reference]  # found in no file
    # found, but no passage of the file under their heading: labels of what no report gives today
    stale: list[Reference]
    problems: list[str]  # one line for each unreadable file


def read_references(path: Path) -> list[Reference]:
    """Read ``labels.csv``; raise `CorpusError` at the first bad row, naming its line."""
    references: dict[str, Reference] = {}
    reader = csv.DictReader(_read_text(path).splitlines(keepends=True), strict=True)
    try:
        for row in reader:
            key = row["key"]
            alone = row["labels_alone"]
            if None in row.values():
                raise ValueError("too few columns")
            if key in references or not re.fullmatch("[0-9a-f]{16}", key):
                raise ValueError(f"key {key!r}, no hash or a second time")
            references[key] = Reference(
                key=key,
                words=int(row["words"]),
                source=row["source"],
                section=row["section"] or None,
                labels_alone=parse_labels(alone.replace("none", "")) if alone else None,
                labels=parse_labels(row["labels"]),
                annotator=row["annotator"],
                stands_for=parse_stands_for(row["stands_for"]),
                rules=int(row["rules"]),
            )
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise CorpusError(
            [f"{path}:{reader.line_num}: not a row of labels ({error}); restore the file"]
        ) from None
    if not references:
        raise CorpusError([f"{path}: no rows; restore the file"])
    return list(references.values())


def _read_text(path: Path) -> str:
    return read_bounded(str(path)).decode("utf-8-sig", "replace")


_PublicFile = tuple[str, str]  # the address of its folder, and its path in that


def _public_files(
    folder: Path, references: Sequence[Reference]
) -> tuple[dict[_PublicFile, list[Reference]], set[str]]:
    """Group the references by public file; and name the families with the headings of the reader.

    A source that is only a family's name is listed under all its files.
    """
    path = folder / "sources.json"
    files: dict[_PublicFile, list[Reference]] = defaultdict(list)
    try:
        families = load_json(_read_text(path))
        # Those of a family as a whole come last, when its files are known.
        for reference in sorted(references, key=lambda known: known.source == known.family):
            family = families[reference.family]
            # "hrr/{year}/{name}.html" becomes a pattern with a group for each name in braces
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(family["source"]))
            if parts := re.fullmatch(pattern, reference.source):
                name = family["file"].format(**parts.groupdict())
                files[family["address"], name].append(reference)
                continue
            for members in files.values():
                if members[0].family == reference.family:
                    members.append(reference)
        by_reader = {name for name in families if families[name].get("headings") == "reader"}
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        raise CorpusError(
            [f"{path}: does not describe the sources of labels.csv ({error}); restore both"]
        ) from None
    return files, by_reader


def find_labelled(document: Document, wanted: Mapping[str, int]) -> dict[str, Found]:
    """Find labelled texts in a document by their keys.

    `wanted` has the number of words by key. The document's sentences and clauses are tried first,
    then every sequence of as many words, so that a text is found however the text around it is
    split.

    >>> document = text_document("It rained. Police arrested nine men, courts slept.")
    >>> found = find_labelled(document, {key_of(text): 2 for text in ("it rained.", "nine men")})
    >>> list(found.values())  # doctest: +NORMALIZE_WHITESPACE
    [Found(text='It rained.', sections=frozenset({None})),
     Found(text='nine men', sections=frozenset())]
    """
    found: dict[str, Found] = {}
    for passage in [*split_passages(document), *split_passages(document, "clause")]:
        key = key_of(passage.text)
        if key in wanted:
            sections = found[key].sections if key in found else frozenset()
            found[key] = Found(passage.text, sections | {passage.section})
    left = {key: words for key, words in wanted.items() if key not in found}
    parts = _find_words(document.text, left)
    return found | {key: Found(text) for key, text in parts.items()}


def _is_passage(reference: Reference, found: Found, by_reader: bool) -> bool:
    """Return whether a label is of a passage as the reader gives it today, under its heading.

    Collections of texts are no reports that the reader cuts (`by_reader`): their clauses and
    headings stay as they were labelled. A heading of 50 characters or more may have been cut.
    """
    heading = reference.section or ""
    return not by_reader or any(
        section == heading or (len(heading) >= 50 and section.startswith(heading))
        for section in (section or "" for section in found.sections)
    )


def _find_words(text: str, wanted: Mapping[str, int]) -> dict[str, str]:
    """Find word sequences with a wanted key, with or without final punctuation.

    There is one pass for each number of words.
    """
    if not wanted:
        return {}
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    if len(spans) > _MAX_WORDS:
        return {}
    lowered = [text[start:end].lower() for start, end in spans]
    texts = {}
    for words in sorted(set(wanted.values())):
        if words < 1:
            continue
        for first in range(len(spans) - words + 1):
            run = " ".join(lowered[first : first + words])
            start = spans[first][0]
            end = spans[first + words - 1][1]
            key = key_of(run)
            if wanted.get(key) == words:
                texts[key] = text[start:end]
            if run[-1] in _CLAUSE_PUNCTUATION:
                key = key_of(run[:-1])
                if wanted.get(key) == words:
                    texts[key] = text[start : end - 1]
    return texts


def read_source(data: bytes, name: str) -> Document:
    """Read a source file as a document.

    XML, SQL and CSV are read by the texts in them, others by the report readers.
    """
    if name.endswith(".xml"):
        try:
            root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_Tree()))
        except (ElementTree.ParseError, ValueError) as error:
            raise InputError(f"{name}: broken XML ({error}); download it again") from None
        return text_document("\n\n".join(root.itertext()), name)  # one paragraph for each element
    if name.endswith(".sql.gz"):
        contents = []
        for field, content in _SQL_FIELD.findall(gunzip(data, name).decode("utf-8", "replace")):
            if _SUBJECT in (field + content).lower():
                contents.append(content.replace("''", "'"))
        return text_document("\n\n".join(contents), name)
    if name.endswith(".csv"):
        lines = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
        csv.field_size_limit(_MAX_CELL)
        try:
            cells = [cell for row in csv.reader(lines) for cell in row]
        except csv.Error as error:
            raise InputError(f"{name}: broken CSV ({error}); download it again") from None
        return text_document("\n\n".join(cells), name)
    return read_bytes_isolated(data, name)


class _Tree(ElementTree.TreeBuilder):
    """Tree builder that rejects a DOCTYPE, whose entities may expand without bound (XML bomb)."""

    def doctype(self, *_: object) -> None:
        raise ValueError("a DOCTYPE, which is not read")


def rebuild(
    folder: Path,
    given: Sequence[Path] = (),
    *,
    allow_private: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Rebuild the passages of ``labels.csv`` from the public files.

    `folder` holds ``labels.csv`` and ``sources.json``; passages found by an earlier run under the
    same rules of the reader are not searched for again. `given` are folders of source files, and
    JSON lines with a ``text``, to read in place of the web. Without any, files are downloaded, or
    taken from the download cache whatever their age. `progress` is called with (files done, files
    in total).

    The ``rules`` of a row are those under which it is known to be a passage: today's where a file
    was read, else those of ``labels.csv``.
    Raises `InputError` when an argument cannot be read, `CorpusError` when ``labels.csv`` or
    ``sources.json`` is malformed.
    """
    references = {known.key: known for known in read_references(folder / "labels.csv")}
    files, by_reader = _public_files(folder, list(references.values()))
    rows: dict[str, Row] = {}
    if (folder / PASSAGES).is_file():
        rows = _rows_of_texts(folder / PASSAGES, references)
    there: dict[str, Path] = {}
    for source in given:
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                there[path.name] = path
                there["/".join(path.parts[-2:])] = path
        else:
            rows |= _rows_of_texts(source, references)
    left = {key for key in references if key not in rows or rows[key]["rules"] != RULES}
    stale: set[str] = set()
    searched = [
        file for file, members in files.items() if any(member.key in left for member in members)
    ]
    problems: list[str] = []
    failed = 0
    for done, (address, name) in enumerate(searched, 1):
        wanted = {member.key: member.words for member in files[address, name] if member.key in left}
        offline = failed >= _MAX_FAILURES
        try:
            data = None
            if wanted and name in there:
                data = read_bounded(str(there[name]))
            elif wanted and not given:
                data = _download(address, name, allow_private, offline)
            found = find_labelled(read_source(data, name), wanted) if data is not None else {}
            if data is not None and not offline:
                failed = 0
            for key, passage in found.items():
                reference = replace(references[key], rules=RULES)
                if _is_passage(reference, passage, reference.family in by_reader):
                    rows[key] = reference.corpus_row(passage.text)
                    left.remove(key)
                    stale.discard(key)
                else:
                    stale.add(key)
        except InputError as error:
            problems.append(str(error))
            if isinstance(error, LinkError) and error.status not in (404, 410):
                failed += 1
            if failed >= _MAX_FAILURES and not offline:
                problems.append(
                    f"{failed} downloads failed in a row: no more are tried; "
                    "run the command again later"
                )
        if progress:
            progress(done, len(searched))
    rebuilt = Rebuilt([], [], [], problems)
    for key, reference in references.items():
        if key in stale:
            rebuilt.stale.append(reference)
        elif key in rows:
            rebuilt.rows.append(rows[key])
        else:
            rebuilt.missing.append(reference)
    return rebuilt


def write_stale(path: Path, labels: Sequence[Reference]) -> None:
    """List labels that are of no passage any more as CSV; remove the list where there are none."""
    if not labels:
        path.unlink(missing_ok=True)
        return
    with open_whole_file(path) as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(("key", "source", "section", "labels"))
        for label in labels:
            lines.writerow((label.key, label.source, label.section, ";".join(label.labels)))


def _rows_of_texts(path: Path, references: Mapping[str, Reference]) -> dict[str, Row]:
    """Read the texts of JSON lines that are labelled; make their corpus rows, by key."""
    data = gunzip(read_bounded(str(path)), str(path))
    rows = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            given = parse_row(line, f"{path}:{number}")
            key = key_of(given["text"])
            if key in references:
                reference = references[key]
                if given.get("rules") == RULES:  # an earlier run read the file
                    reference = replace(reference, rules=RULES)
                rows[key] = reference.corpus_row(given["text"])
    return rows


def _download(address: str, name: str, allow_private: bool, offline: bool) -> bytes | None:
    """Read a file from the cache of downloads, or else from the web unless `offline`."""
    from tipclassify.download import download, parse_url
    from tipclassify.download.cache import read_cached

    url = str(parse_url(address + quote(name)))
    if kept := read_cached(url):
        return kept.data
    return None if offline else download(url, allow_private=allow_private).data
