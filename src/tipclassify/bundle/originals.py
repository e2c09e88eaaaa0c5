"""The inputs of a bundle, found again: among files that somebody gives, whatever their names, or in the bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tipclassify.batch import expand_inputs
from tipclassify.bundle.archive import Archive
from tipclassify.bundle.checks import Step
from tipclassify.bundle.inputs import Original, get_original
from tipclassify.bundle.manifest import Input, Manifest
from tipclassify.errors import InputError
from tipclassify.readers import ReadOptions, is_link
from tipclassify.readers.limits import LARGEST, read_bounded

__all__ = ["Originals"]


class Originals:
    """Where the bytes of each input are.

    Parameters
    ----------
    files : sequence of str
        Files, folders, patterns, links.

    Raises
    ------
    InputError
        When one of the files cannot be read.
    """

    def __init__(self, archive: Archive, manifest: Manifest, files: Sequence[str], options: ReadOptions) -> None:
        self.step = Step("inputs")
        self._archive = archive
        self._found: dict[str, str | bytes] = {}  # path, or bytes of what cannot be read twice
        wanted = {one.sha256 for one in manifest.inputs}
        strangers: dict[str, str] = {}
        for file in expand_inputs(files):
            original = get_original(file, options)
            digest = original.sha256
            if digest in wanted:
                self._found[digest] = original.data if is_link(file) or file == "-" else file
            else:
                strangers[file] = digest
        missing = {_end(one.name): one for one in manifest.inputs if one.sha256 not in self._found}
        for file, digest in strangers.items():
            same = missing.get(_end(file))
            if same:
                self.step.differs(
                    f"has other bytes than {same.name}: SHA-256 {digest[:12]}…, not {same.sha256[:12]}…", file
                )
            elif file in files:  # not just one of the files in a folder
                self.step.differs(f"is none of the inputs: none has the SHA-256 {digest[:12]}…", file)

    def get(self, one: Input) -> Original | None:
        """An input, or None where it is not here, or not what it was; `step` then says so."""
        found = self._found.get(one.sha256)
        if found is None and one.source is None:
            self.step.not_checked("not here; name the files after the bundle", one.name)
            return None
        try:
            if found is None:
                data = self._archive.read(one.source or "", LARGEST)
            else:
                data = read_bounded(found) if isinstance(found, str) else found
        except InputError as error:
            self.step.differs(str(error), one.name)
            return None
        digest = hashlib.sha256(data).hexdigest()
        if digest != one.sha256 or len(data) != one.size:
            where = one.source if found is None else found if isinstance(found, str) else one.name
            self.step.differs(
                f"{where} has other bytes than were read: SHA-256 {digest[:12]}… and {len(data):,} bytes, "
                f"not {one.sha256[:12]}… and {one.size:,}",
                one.name,
            )
            return None
        self.step.ok()
        return Original(one.name, data, one.link)


def _end(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").split("/")[-1]
