"""Find the labelled passages of real reports in public files, as corpus rows.

Their labels are known by the hash of each passage's words.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree

from tipclassify.corpus.rows import Row, parse_labels, parse_stands_for
from tipclassify.errors import CorpusError, InputError, LinkError
from tipclassify.formatting import load_json
from tipclassify.readers.child import read_bytes_isolated
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.readers.rows import parse_row
from tipclassify.records import Document
from tipclassify.records import key as key_of
from tipclassify.text.split import split_passages, text_document

PASSAGES: Final = "passages.jsonl"
"""File beside ``labels.csv`` with the passages found."""

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
        return row


class Rebuilt(NamedTuple):
    """Result of `rebuild`."""

    rows: list[Row]  # of the corpus, in order
    missing: list[Reference]  # in order
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
) -> dict[_PublicFile, list[Reference]]:
    """Group the references by public file.

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
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        raise CorpusError(
            [f"{path}: does not describe the sources of labels.csv ({error}); restore both"]
        ) from None
    return files


def find_labelled(document: Document, wanted: Mapping[str, int]) -> dict[str, str]:
    """Find passages in a document by their keys; return the text of each by key.

    `wanted` has the number of words by key. The document's sentences and clauses are tried first,
    then every sequence of as many words, so that a sentence is found however the text around it is
    split.

    >>> document = text_document("It rained. Police arrested nine men, courts slept.")
    >>> list(find_labelled(document, {key_of("Courts slept."): 2}).values())
    ['courts slept.']
    """
    texts: dict[str, str] = {}
    for passage in [*split_passages(document), *split_passages(document, "clause")]:
        key = key_of(passage.text)
        if key in wanted:
            texts[key] = passage.text
    left = {key: words for key, words in wanted.items() if key not in texts}
    return texts | _find_words(document.text, left)


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
    given: Path | None = None,
    *,
    allow_private: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Rebuild the passages of ``labels.csv`` from the public files.

    `folder` holds ``labels.csv`` and ``sources.json``; passages found by an earlier run are not
    searched for again. `given` is a folder of source files, or JSON lines with a ``text``, to read
    in place of the web. If omitted, files are downloaded, or taken from the download cache whatever
    their age. `progress` is called with (files done, files in total).

    Raises `InputError` when an argument cannot be read, `CorpusError` when ``labels.csv`` or
    ``sources.json`` is malformed.
    """
    references = read_references(folder / "labels.csv")
    files = _public_files(folder, references)
    keys = {reference.key for reference in references}
    texts = _texts_by_key(folder / PASSAGES, keys) if (folder / PASSAGES).is_file() else {}
    there: dict[str, Path] | None = None
    if given is not None and given.is_dir():
        there = {}
        for path in sorted(given.rglob("*")):
            there[path.name] = path
            there["/".join(path.parts[-2:])] = path
    elif given is not None:
        texts |= _texts_by_key(given, keys)
        files = {}
    searched = [
        file
        for file, members in files.items()
        if any(reference.key not in texts for reference in members)
    ]
    problems: list[str] = []
    failed = 0
    for done, (address, name) in enumerate(searched, 1):
        wanted = {
            reference.key: reference.words
            for reference in files[address, name]
            if reference.key not in texts
        }
        offline = failed >= _MAX_FAILURES
        try:
            data = None
            if wanted and there is None:
                data = _download(address, name, allow_private, offline)
            elif wanted and there is not None and name in there:
                data = read_bounded(str(there[name]))
            if data is not None:
                if not offline:
                    failed = 0
                texts |= find_labelled(read_source(data, name), wanted)
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
    return Rebuilt(
        rows=[known.corpus_row(texts[known.key]) for known in references if known.key in texts],
        missing=[known for known in references if known.key not in texts],
        problems=problems,
    )


def _texts_by_key(path: Path, keys: set[str]) -> dict[str, str]:
    """Read the texts of JSON lines that have one of the keys, by key."""
    data = gunzip(read_bounded(str(path)), str(path))
    texts = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            text = parse_row(line, f"{path}:{number}")["text"]
            key = key_of(text)
            if key in keys:
                texts[key] = text
    return texts


def _download(address: str, name: str, allow_private: bool, offline: bool) -> bytes | None:
    """Read a file from the cache of downloads, or else from the web unless `offline`."""
    from tipclassify.download import download, parse_url
    from tipclassify.download.cache import read_cached

    url = str(parse_url(address + quote(name)))
    if kept := read_cached(url):
        return kept.data
    return None if offline else download(url, allow_private=allow_private).data
