"""Score many inputs with Dask: each is a task of a worker, which makes one Parquet file of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tipclassify.errors import needs_extra
from tipclassify.tagging import Tagging

if TYPE_CHECKING:
    import distributed


@dataclass(frozen=True)
class Scored:
    """Result of a run."""

    inputs: tuple[str, ...]  # names of all inputs
    made: int  # inputs that this run read; the others were done
    removed: int  # passage files removed, as they are damaged, or their input has changed or gone
    # input and error of what could not be read, as in ``errors/``
    failures: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]  # readers' warnings of this run: inputs that could not be read in full


def score_on_cluster(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    cluster: distributed.Client | str | int | None = None,
    tagging: Tagging | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """Tag the passages of many inputs on a Dask cluster, into a folder of Parquet files.

    ``passages/`` has the rows of ``tipclassify score --format parquet``, a file for each input;
    ``errors/`` the unreadable inputs and rows, which the next run tries again.

    Without a client or an address, local worker processes are started; a script that calls this
    then needs ``if __name__ == "__main__":``.

    Raises `InputError` when a folder or pattern has no input, no scheduler answers, or the output
    folder has other content, `ModelError` when the model cannot be used. An unreadable input does
    not raise: it becomes a row in ``errors/``.

    Parameters
    ----------
    source : path or address, or several of them
        Whatever ``tipclassify score`` takes, except standard input, at paths or at fsspec addresses
        (``s3://…``, with the options of fsspec's configuration) that the workers can reach. An
        input is one task: split files of millions of rows.
    output : path or address
        A folder that this process and all workers can reach. What an earlier run with the same
        settings finished is kept; damaged files, and those of inputs that have changed or are no
        longer in `source`, are removed. Local inputs and results are compared by hash; inputs at an
        address by size, and the tag or time that its file system gives.
    cluster : Client, address of a scheduler, or int
        The cluster to use (a given client stays open), or the number of local processes; by default
        one for each core. The workers need the same tipclassify, and a model of your own at the
        same path.
    progress : callable, optional
        Called with (inputs done, inputs in total).
    """
    if isinstance(cluster, int) and cluster < 1:
        raise ValueError("the number of local processes must be 1 or more")
    with needs_extra("the Dask engine", "dask"):
        import distributed  # noqa: F401
        import fsspec  # noqa: F401
        import pyarrow  # noqa: F401
    from tipclassify.dask.cluster import connect, run
    from tipclassify.dask.folder import Folder
    from tipclassify.dask.sources import find_sources, resolve
    from tipclassify.model.find import model_folder

    tagging = tagging or Tagging()
    if tagging.model and model_folder(tagging.model) == Path(tagging.model):
        tagging = replace(tagging, model=os.path.abspath(tagging.model))
    folder = Folder(os.fspath(output), *resolve(os.fspath(output)), tagging.settings())
    names = [source] if isinstance(source, str | os.PathLike) else source
    sources = find_sources([os.fspath(name) for name in names], folder.root)
    inputs = [each.name for each in sources]
    folder.check(inputs)
    finished = folder.finished()
    missing = []
    kept: set[str] = set()
    for each in sources:
        name = folder.name_of(each)
        if each.stamp is not None and name in finished:
            kept.add(finished[name])
        else:
            missing.append(each)
    failures: list[tuple[str, str]] = []
    notes: list[str] = []
    if missing:
        folder.open(inputs)
        done = len(kept)
        with connect(cluster, len(missing)) as client:
            for name, failed, noted in run(client, missing, folder, tagging):
                kept.add(name)
                failures += failed
                notes += noted
                done += 1
                if progress:
                    progress(done, len(sources))
    place = {name: number for number, name in enumerate(inputs)}
    failures.sort(key=lambda failure: place[failure[0]])
    return Scored(
        tuple(inputs),
        made=len(missing),
        removed=folder.close(kept, failures),
        failures=tuple(failures),
        notes=tuple(notes),
    )
