"""Tag one input on a Dask worker, and keep its Parquet file in the output folder.

A retry writes the same file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from tipclassify._version import __version__
from tipclassify.dask.folder import Folder
from tipclassify.dask.sources import Source, describe
from tipclassify.errors import InputError, ModelError, TipclassifyError
from tipclassify.records import Failure, Report
from tipclassify.tagging import Tagging
from tipclassify.write.output import Output
from tipclassify.write.rows import write_parquet


@dataclass(frozen=True)
class Work:
    """What all tasks of a run share."""

    tagging: Tagging
    folder: Folder
    settings: dict[str, object]  # what determines rows, besides the inputs

    def file_name(self, source: Source) -> str:
        """Name the file of an input by a hash of what determines it, without suffix."""
        written = json.dumps(
            [self.settings, source.name, source.path, source.stamp], sort_keys=True
        )
        return f"part-{hashlib.sha256(written.encode()).hexdigest()[:24]}"


@dataclass
class Result:
    """What became of an input; filled in while it is read."""

    name: str  # of its file, without suffix
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # readers' warnings, one line each


def settings_of(tagging: Tagging) -> dict[str, object]:
    """Return what determines the rows of an input, besides its content."""
    return {
        "version": __version__,
        "model": tagging.run().model,
        "policy": tagging.policy,
        "thresholds": dict(tagging.thresholds),
        "unit": tagging.unit,
        "encoding": tagging.read.encoding,
        "text": tagging.read.text_column,
    }


def score_source(source: Source, work: Work) -> Result:
    """Read, tag and write an input.

    The file of one that failed, in whole or in some rows, has a name that no later run takes for
    a finished one.
    """
    here = settings_of(work.tagging)
    for name in ("version", "model"):
        if here[name] != work.settings[name]:
            raise ModelError(
                f"a worker has {name} {here[name]}, not {work.settings[name]}; "
                "install the same everywhere"
            )
    result = Result(work.file_name(source))

    def write(out: IO[bytes]) -> str:
        write_parquet(_tagged(source, work.tagging, result), out, Output(work.tagging.run()))
        if result.failures:
            result.name += "-failed"
        return f"{result.name}.parquet"

    work.folder.write("passages", write)
    return result


def _tagged(source: Source, tagging: Tagging, result: Result) -> Iterator[Report]:
    """Yield the tagged reports of an input; note its failures and the reader's warnings."""
    try:
        with source.local_path() as path:
            for tagged in tagging.reports([path]):
                if isinstance(tagged, Failure):
                    error = tagged.error.replace(path, source.name)
                    result.failures.append(Failure(source.name, error))
                else:
                    result.notes += [note.replace(path, source.name) for note in tagged.notes]
                    yield tagged
    except InputError as error:
        result.failures.append(Failure(source.name, str(error)))
    except TipclassifyError:
        raise
    except Exception as error:  # of its file system: one input must not end a job of thousands
        problem = f"{source.name}: {describe(error)}; check the path"
        result.failures.append(Failure(source.name, problem))
