"""Inputs in, a bundle out. One input is in memory at a time; an input that cannot be read means no bundle at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Final

from tipclassify._version import __version__
from tipclassify.bundle.archive import Packer
from tipclassify.bundle.figures import count_passages, figures
from tipclassify.bundle.inputs import Original, Reading, bundled_name, get_original, read_original, sha256_of_text
from tipclassify.bundle.manifest import (
    FORMAT,
    MANIFEST,
    PASSAGES,
    README,
    Figures,
    Input,
    Manifest,
    write_manifest,
    write_row,
)
from tipclassify.bundle.models import model_id, pack_model
from tipclassify.bundle.versions import platform_name, versions
from tipclassify.errors import InputError
from tipclassify.labels import LABELS
from tipclassify.loading import model_folder
from tipclassify.summary import Group, error_rates

if TYPE_CHECKING:
    from tipclassify.batch import Tagging
    from tipclassify.document import Passage

__all__ = ["write_bundle"]

_EXTRAS: Final = ("pdf", "docx", "rtf")  # kinds that need an extra of their name
_IN_MEMORY: Final = 32_000_000  # bytes of passages, before they go to a temporary file


def write_bundle(
    files: Sequence[str],
    tagging: Tagging,
    out: IO[bytes],
    with_sources: bool = False,
    with_model: bool = False,
    done: Callable[[int, int], None] | None = None,
) -> tuple[Manifest, str]:
    """Tag `files` and write the bundle of them to `out`.

    Parameters
    ----------
    files : sequence of str
        Files, links, ``-`` for standard input; see `tipclassify.batch.expand_inputs` for more.
    with_sources, with_model : bool
        Put the bytes of the inputs and the model folder into it.
    done : callable, optional
        Called with (inputs done, all) after each.

    Returns
    -------
    (Manifest, str)
        What the bundle says of itself, and its fingerprint.

    Raises
    ------
    InputError
        When inputs cannot be read, with a line for each; what was written to `out` is then no bundle.
    ModelError
        When the model cannot be used.
    """
    if not files:
        raise InputError("no inputs: give reports to make figures of")
    classifier = tagging.classifier()
    folder = model_folder(tagging.model)
    model = model_id(folder, classifier)
    with Packer(out) as packer:
        tagged = _Tagged(packer if with_sources else None)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines:
            _tag(files, tagging, tagged, lines, done)
            lines.seek(0)
            packer.add(PASSAGES, lines)
        if with_model:
            pack_model(packer, folder, model)
        rates = error_rates(classifier.meta, tagging.policy, dict(tagging.thresholds))
        *each, total = figures(tagged.groups, rates)
        inputs = tuple(replace(one, figures=counted) for one, counted in zip(tagged.inputs, each, strict=True))
        packer.add(README, _readme(inputs, with_sources, with_model).encode())
        manifest = Manifest(
            FORMAT,
            __version__,
            versions(),
            platform_name(),
            model,
            tagging.policy,
            dict(zip(LABELS, classifier.thresholds(tagging.policy).tolist(), strict=True)),
            dict(tagging.thresholds),
            tagging.unit,
            tagging.read.encoding,
            rates,
            inputs,
            total,
            dict(sorted(packer.files.items())),
        )
        written, fingerprint = write_manifest(manifest)
        packer.add(MANIFEST, written)
    return manifest, fingerprint


def _tag(
    files: Sequence[str],
    tagging: Tagging,
    tagged: _Tagged,
    lines: IO[bytes],
    done: Callable[[int, int], None] | None,
) -> None:
    """Read and tag each input; its passages go to `lines`."""
    classifier = tagging.classifier()
    failures: list[str] = []
    for number, file in enumerate(files):
        try:
            original = get_original(file, tagging.read)
            reading = read_original(original, tagging.read.encoding, tagging.unit)
        except InputError as error:
            failures.append(str(error))
        else:
            if not failures:  # else only to know what else is wrong
                passages = classifier.tag_passages(reading.passages, tagging.policy)
                lines.writelines(write_row(number, passage) for passage in passages)
                tagged.add(original, reading, passages)
        if done:
            done(number + 1, len(files))
    if failures:
        told = f"{len(failures)} of {len(files)} inputs failed, so no bundle was written: mend them or leave them out"
        raise InputError("\n".join([*failures, told]))


@dataclass
class _Tagged:
    """What the manifest says of the inputs; figures are those of nothing until all are read."""

    packer: Packer | None
    inputs: list[Input] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def add(self, original: Original, reading: Reading, passages: Iterable[Passage]) -> None:
        source = None
        if self.packer:
            source = bundled_name(len(self.inputs), original.name)
            self.packer.add(source, original.data)
        document = reading.document
        self.groups.append(count_passages(passages))
        self.inputs.append(
            Input(
                original.name,
                original.sha256,
                len(original.data),
                reading.kind,
                document.title if document else None,
                document.country if document else None,
                document.year if document else None,
                sha256_of_text(document.text) if document else None,
                len(document.text) if document else None,
                reading.notes,
                original.link,
                source,
                _none_yet(),
            )
        )


def _none_yet() -> Figures:
    return figures([], None)[0]


def _readme(inputs: Sequence[Input], with_sources: bool, with_model: bool) -> str:
    extras = [kind for kind in _EXTRAS if any(one.kind == kind for one in inputs)]
    package = f"'tipclassify[{','.join(extras)}]=={__version__}'" if extras else f"tipclassify=={__version__}"
    sources = "the reports themselves, byte for byte" if with_sources else "not in here: give the reports yourself"
    model = "the model that gave the probabilities" if with_model else "not in here: the manifest has its SHA-256"
    given = "" if with_sources else " REPORT..."
    listed = "".join(f"  {one.sha256}  {_one_line(one.name)}{_fetched(one)}\n" for one in inputs)
    return f"""\
What this is
------------
Figures on reports about human trafficking: how many of their passages say that a government made a positive effort,
failed, or that officials were complicit. A program, tipclassify {__version__}, read the reports, split them into passages and
gave each passage its labels. This file lets you check that the published figures are what it found.

  manifest.json   what was read, with which model, thresholds and versions, and the counts
  passages.jsonl  every passage, where it stands, its probabilities and its labels
  sources/        {sources}
  model/          {model}

How to check it
---------------
  pip install {package}
  tipclassify verify figures.zip{given}

figures.zip is this file. The command says of each step whether it holds. The reports may have any name: they are known by
the SHA-256 of their bytes. Without them it still checks that nothing in here was changed, that labels follow from
probabilities and counts from labels, and, where it has the model, that the passages get these probabilities.

It cannot tell who made this file, nor whether a label is right: read the passages for that.

The reports, by SHA-256
-----------------------
{listed}"""


def _fetched(one: Input) -> str:
    return f" (as of {one.link.fetched})" if one.link else ""


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
