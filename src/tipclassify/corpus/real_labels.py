"""Labels of real passages, by the hash of their words: find the passages in public files, as
corpus rows."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree

from tipclassify.corpus.loading import parse_labels
from tipclassify.download import LinkError
from tipclassify.errors import CorpusError, InputError
from tipclassify.formatting import load_json
from tipclassify.readers.isolated import read_bytes_isolated
from tipclassify.readers.jsonl import parse_row
from tipclassify.readers.limits import gunzip, read_bounded
from tipclassify.text.document import Document
from tipclassify.text.segmentation.passages import split_passages, text_document

__all__ = [
    "PASSAGES",
    "Rebuilt",
    "find_passages",
    "passage_key",
    "read_references",
    "read_source",
    "rebuild",
]

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

    key: str  # `passage_key` of its text
    words: int  # separated by white space
    source: str  # its document, such as ``hrr/2020/china.html``
    section: str | None  # the heading above it
    labels: tuple[str, ...]  # under that heading
    labels_alone: tuple[str, ...] | None  # of the bare sentence, where they differ
    annotator: str

    @property
    def family(self) -> str:
        """Source family: the source up to the first slash."""
        return self.source.partition("/")[0]

    def row(self, text: str) -> dict[str, Any]:
        """Make the corpus row, given the passage's text."""
        row: dict[str, Any] = {"id": f"real-{self.key}", "text": text, "labels": list(self.labels)}
        if self.labels_alone is not None:
            row["labels_alone"] = ";".join(self.labels_alone) or "none"
        place = {"section": self.section, "pair": None, "doc": self.source, "source": self.family}
        return {**row, **place, "annotator": self.annotator}


class Rebuilt(NamedTuple):
    """Result of `rebuild`."""

    rows: list[dict[str, Any]]  # of the corpus, in order
    missing: list[Reference]  # in order
    problems: list[str]  # one line for each unreadable file


def passage_key(text: str) -> str:
    """Hash a passage: the first 16 hex digits of the SHA-256 of its lower-case words, joined by
    single spaces.

    >>> passage_key("Courts  slept."), passage_key("courts slept.")
    ('68154671bde9a7ac', '68154671bde9a7ac')
    """
    return _hash(" ".join(text.lower().split()))


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_references(path: Path) -> list[Reference]:
    """Read ``labels.csv``; raise `CorpusError` at the first bad row, naming its line."""
    references: dict[str, Reference] = {}
    reader = csv.DictReader(_text_of(path).splitlines(keepends=True), strict=True)
    try:
        for row in reader:
            key, alone = row["key"], row["labels_alone"]
            if None in row.values():
                raise ValueError("too few columns")
            if key in references or not re.fullmatch("[0-9a-f]{16}", key):
                raise ValueError(f"key {key!r}, no hash or a second time")
            place = (key, int(row["words"]), row["source"], row["section"] or None)
            labels_alone = parse_labels(alone.replace("none", "")) if alone else None
            references[key] = Reference(
                *place, parse_labels(row["labels"]), labels_alone, row["annotator"]
            )
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise CorpusError(
            [f"{path}:{reader.line_num}: not a row of labels ({error}); restore the file"]
        ) from None
    if not references:
        raise CorpusError([f"{path}: no rows; restore the file"])
    return list(references.values())


def _text_of(path: Path) -> str:
    return read_bounded(str(path)).decode("utf-8-sig", "replace")


class _File(NamedTuple):
    address: str  # of its folder
    name: str  # its path in that


def _files(folder: Path, references: Sequence[Reference]) -> dict[_File, list[Reference]]:
    """Group the references by public file; a source that is only a family's name is listed under
    all its files."""
    path = folder / "sources.json"
    files: dict[_File, list[Reference]] = defaultdict(list)
    try:
        families = load_json(_text_of(path))
        for one in sorted(references, key=lambda one: one.source == one.family):
            about = families[one.family]
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(about["source"]))
            if found := re.fullmatch(pattern, one.source):
                files[_File(about["address"], about["file"].format(**found.groupdict()))].append(
                    one
                )
                continue
            for members in files.values():
                if members[0].family == one.family:
                    members.append(one)
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        raise CorpusError(
            [f"{path}: does not describe the sources of labels.csv ({error}); restore both"]
        ) from None
    return files


def find_passages(document: Document, wanted: Mapping[str, int]) -> dict[str, str]:
    """Find passages in a document by their keys; return the text of each by key.

    `wanted` has the number of words by key. The document's sentences and clauses are tried first,
    then every sequence of as many words, so that a sentence is found however the text around it is
    split.

    >>> document = text_document("It rained. Police arrested nine men, courts slept.")
    >>> list(find_passages(document, {passage_key("Courts slept."): 2}).values())
    ['courts slept.']
    """
    passages = [*split_passages(document), *split_passages(document, "clause")]
    found = {
        key: passage.text for passage in passages if (key := passage_key(passage.text)) in wanted
    }
    return found | _find_runs(
        document.text, {key: words for key, words in wanted.items() if key not in found}
    )


def _find_runs(text: str, wanted: Mapping[str, int]) -> dict[str, str]:
    """Find word sequences with a wanted key, with or without final punctuation; one pass for
    each number of words."""
    spans = [match.span() for match in re.finditer(r"\S+", text)] if wanted else []
    lowered = [text[start:end].lower() for start, end in spans]
    found = {}
    for words in sorted(set(wanted.values())) if len(spans) <= _MAX_WORDS else ():
        for first in range(len(spans) - words + 1 if words > 0 else 0):
            run = " ".join(lowered[first : first + words])
            for cut in (0, 1) if run[-1] in _CLAUSE_PUNCTUATION else (0,):
                if wanted.get(key := _hash(run[: len(run) - cut])) == words:
                    found[key] = text[spans[first][0] : spans[first + words - 1][1] - cut]
    return found


def read_source(data: bytes, name: str) -> Document:
    """Read a source file as a document: XML, SQL and CSV by the texts in them, others by the
    report readers."""
    if name.endswith(".xml"):
        try:
            root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_NoDoctype()))
        except (ElementTree.ParseError, ValueError) as error:
            raise InputError(f"{name}: broken XML ({error}); download it again") from None
        return text_document("\n\n".join(root.itertext()), name)  # one paragraph for each element
    if name.endswith(".sql.gz"):
        fields = _SQL_FIELD.findall(gunzip(data, name).decode("utf-8", "replace"))
        contents = (
            content.replace("''", "'")
            for field, content in fields
            if _SUBJECT in (field + content).lower()
        )
        return text_document("\n\n".join(contents), name)
    if name.endswith(".csv"):
        lines = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
        csv.field_size_limit(_MAX_CELL)
        return text_document("\n\n".join(cell for row in csv.reader(lines) for cell in row), name)
    return read_bytes_isolated(data, name)


class _NoDoctype(ElementTree.TreeBuilder):
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
    files = _files(folder, references)
    keys = {one.key for one in references}
    texts = _texts_of_rows(folder / PASSAGES, keys) if (folder / PASSAGES).is_file() else {}
    problems: list[str] = []
    there = None
    # files are known by the last part or parts of their paths
    if given is not None and given.is_dir():
        paths = sorted(given.rglob("*"))
        there = {end: path for path in paths for end in (path.name, "/".join(path.parts[-2:]))}
    elif given is not None:
        texts |= _texts_of_rows(given, keys)
        files = {}
    names = [
        file for file, members in files.items() if any(one.key not in texts for one in members)
    ]
    failed = 0
    for done, file in enumerate(names, 1):
        wanted = {one.key: one.words for one in files[file] if one.key not in texts}
        offline = failed >= _MAX_FAILURES
        try:
            data = _read_file(file, there, allow_private, offline) if wanted else None
            if data is not None:
                failed = failed if offline else 0
                texts |= find_passages(read_source(data, file.name), wanted)
        except InputError as error:
            problems.append(str(error))
            failed += isinstance(error, LinkError) and error.status not in (404, 410)
            if failed >= _MAX_FAILURES and not offline:
                problems.append(
                    f"{failed} downloads failed in a row: no more are tried; run the command again later"
                )
        if progress:
            progress(done, len(names))
    rows = [one.row(texts[one.key]) for one in references if one.key in texts]
    return Rebuilt(rows, [one for one in references if one.key not in texts], problems)


def _texts_of_rows(path: Path, keys: set[str]) -> dict[str, str]:
    data = gunzip(read_bounded(str(path)), str(path))
    lines = enumerate(data.split(b"\n"), 1)
    texts = (parse_row(line, f"{path}:{number}")["text"] for number, line in lines if line.strip())
    return {key: text for text in texts if (key := passage_key(text)) in keys}


def _read_file(
    file: _File, there: Mapping[str, Path] | None, allow_private: bool, offline: bool
) -> bytes | None:
    """Read a file from those `there`, or else from the cache of downloads or the web; None if it
    is not there."""
    if there is not None:
        return read_bounded(str(there[file.name])) if file.name in there else None
    from tipclassify.download import download
    from tipclassify.download.cache import read_cached
    from tipclassify.download.request import parse_url

    url = str(parse_url(file.address + quote(file.name)))
    if kept := read_cached(url):
        return kept.data
    return None if offline else download(url, allow_private=allow_private).data
