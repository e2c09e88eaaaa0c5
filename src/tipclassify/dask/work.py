"""Tag one input on a Dask worker, and keep its Parquet file in the output folder.

A retry writes the same file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from tipclassify.dask.folder import Folder
from tipclassify.dask.sources import Source, describe
from tipclassify.errors import InputError, ModelError, TipclassifyError
from tipclassify.records import Failure, Report
from tipclassify.tagging import Tagging
from tipclassify.write.output import Output
from tipclassify.write.rows import write_parquet

# name of the input's file, without suffix; inputs and errors that failed; readers' warnings
Result = tuple[str, list[tuple[str, str]], list[str]]


def score_source(source: Source, folder: Folder, tagging: Tagging) -> Result:
    """Read, tag and write an input.

    The file of one that failed, in whole or in some rows, has a name that no later run takes for
    a finished one.
    """
    here = tagging.settings()
    for name in ("version", "model"):
        if here[name] != folder.settings[name]:
            raise ModelError(
                f"a worker has {name} {here[name]}, not {folder.settings[name]}; "
                "install the same everywhere"
            )
    file_name = folder.name_of(source)
    errors: list[str] = []
    notes: list[str] = []

    def write(out: IO[bytes]) -> str:
        write_parquet(_tagged(source, tagging, errors, notes), out, Output(tagging.run()))
        return f"{file_name}-failed" if errors else file_name

    written = folder.write("passages", write, hashed=True)
    return written.removesuffix(".parquet"), [(source.name, error) for error in errors], notes


def _tagged(
    source: Source, tagging: Tagging, errors: list[str], notes: list[str]
) -> Iterator[Report]:
    """Yield the tagged reports of an input; note its errors and the reader's warnings."""
    try:
        with source.local_path() as path:
            for tagged in tagging.reports([path]):
                if isinstance(tagged, Failure):
                    errors.append(tagged.error.replace(path, source.name))
                else:
                    notes += [note.replace(path, source.name) for note in tagged.notes]
                    yield tagged
    except InputError as error:
        errors.append(str(error))
    except TipclassifyError:
        raise
    except Exception as error:  # of its file system: one input must not end a job of thousands
        errors.append(f"{source.name}: {describe(error)}; check the path")
