"""Score many inputs with Dask.

Inputs are divided into parts, and workers make one Parquet file of each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tipclassify.errors import needs_extra
from tipclassify.tagging import Tagging

if TYPE_CHECKING:
    import dask.bag
    import dask.dataframe
    import distributed


@dataclass(frozen=True)
class Scored:
    """Result of a run."""

    inputs: tuple[str, ...]  # names of all inputs
    rows: int  # passages in the folder
    files: int  # passage files in the folder
    made: int  # those among them that this run wrote
    removed: int  # passage files removed, as their input has changed or gone
    # input and error of what could not be read, as in ``errors/``
    failures: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]  # readers' warnings of this run: inputs that could not be read in full


def score_on_cluster(
    source: str
    | os.PathLike[str]
    | Sequence[str | os.PathLike[str]]
    | dask.bag.Bag
    | dask.dataframe.DataFrame,
    output: str | os.PathLike[str],
    *,
    cluster: distributed.Client | str | int | None = None,
    tagging: Tagging | None = None,
    text: str = "text",
    part_bytes: int = 64_000_000,
    part_reports: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """Tag the passages of many inputs on a Dask cluster, into a folder of Parquet files.

    ``passages/`` has the rows of ``tipclassify score --format parquet``, ``errors/`` the unreadable
    inputs and rows.

    Without a client or an address, local worker processes are started; a script that calls this
    then needs ``if __name__ == "__main__":``.

    Raises `InputError` when a folder or pattern has no input, no scheduler answers, or the output
    folder has other content, `ModelError` when the model cannot be used. An unreadable input does
    not raise: it becomes a row in ``errors/``.

    Parameters
    ----------
    source : path, address, several of them, Bag or DataFrame
        Reports, folders, patterns, ``@list.txt``, ``.jsonl`` and ``.parquet`` files, at paths or at
        fsspec addresses (``s3://…``, with the options of fsspec's configuration) that the workers
        can reach. Or a Bag of texts or of mappings, or a DataFrame. Reports are split; rows are
        passages already, and their ``section``, ``country``, ``year``, ``page`` and ``block`` are
        kept.
    output : path or address
        A folder that this process and all workers can reach. Finished parts of an earlier run with
        the same settings are kept; files of inputs that have changed, or are no longer in `source`,
        are removed.
    cluster : Client, address of a scheduler, or int
        The cluster to use (a given client stays open), or the number of local processes; by default
        one for each core.
    text : str
        Column of a table, or key of a mapping, with the text.
    part_bytes, part_reports : int
        How much one task reads: bytes of a JSONL or Parquet input; reports, on average.
    progress : callable, optional
        Called with (parts done, parts in total).
    """
    if min(part_bytes, part_reports) < 1:
        raise ValueError("the bytes and reports of a part must be 1 or more")
    if isinstance(cluster, int) and cluster < 1:
        raise ValueError("the number of local processes must be 1 or more")
    with needs_extra("the Dask engine", "dask"):
        import distributed  # noqa: F401
        import fsspec  # noqa: F401
        import pyarrow  # noqa: F401
    from tipclassify.dask.cluster import Task, join, run, tasks_of
    from tipclassify.dask.folder import Folder
    from tipclassify.dask.parts import find_sources, plan, resolve
    from tipclassify.dask.work import Work

    name = os.fspath(output)
    folder = Folder(name, *resolve(name))
    work = Work(tagging or Tagging(), text, folder)
    if hasattr(source, "__dask_graph__"):
        tasks = tasks_of(source, text)
        inputs = [task.part.sources[0].name for task in tasks]
    else:
        names = [source] if isinstance(source, str | os.PathLike) else source
        sources = find_sources([os.fspath(each) for each in names], folder.root)
        inputs = [each.name for each in sources]
        tasks = [Task(part) for part in plan(sources, part_bytes, part_reports)]
    folder.check(work.settings, inputs)
    # Only a part whose inputs all show whether they have changed is taken from an earlier run.
    stamped_names = {
        task.part.name(work.settings)
        for task in tasks
        if all(source.stamp is not None for source in task.part.sources)
    }
    records = folder.done(stamped_names)
    tasks = [task for task in tasks if task.part.name(work.settings) not in records]
    if tasks:
        done = len(records)
        folder.open(work.settings, inputs)
        with join(cluster, len(tasks)) as client:
            for number, finished in enumerate(run(client, tasks, work), 1):
                records.update({record.name: record for record in finished})
                if progress:
                    progress(done + number, done + len(tasks))
    place = {name: number for number, name in enumerate(inputs)}
    # by their first input, those of one input by name
    ordered = sorted(records.values(), key=lambda each: (place[next(iter(each.inputs))], each.name))
    failures = [failure for record in ordered for failure in record.failures]
    failures.sort(key=lambda failure: place[failure.input])
    return Scored(
        tuple(inputs),
        rows=sum(sum(record.inputs.values()) for record in ordered),
        files=len(ordered),
        made=sum(record.made for record in ordered),
        removed=folder.close(ordered),
        failures=tuple((failure.input, failure.error) for failure in failures),
        notes=tuple(note for record in ordered for note in record.notes),
    )
