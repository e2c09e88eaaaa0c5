"""Score inputs on a cluster: plan the parts, have workers make those that are missing, close the folder with its manifest."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tipclassify._version import __version__
from tipclassify.errors import MissingExtraError
from tipclassify.pipeline.batch import Tagging

if TYPE_CHECKING:
    import dask.bag
    import dask.dataframe
    import distributed

    from tipclassify.pipeline.distributed.folder import Folder
    from tipclassify.pipeline.distributed.worker import Record

__all__ = ["Outcome", "score"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What a run has done.

    Attributes
    ----------
    folder : str
        Where the results are.
    inputs : tuple of str
    rows : int
        Passages in the folder.
    files, made, removed : int
        Files of passages; those that this run made; files removed since their input has changed or gone.
    failures : tuple of (input, error)
        What could not be read, as in ``errors/``.
    notes : tuple of str
        What could not be read in full, by this run.
    """

    folder: str
    inputs: tuple[str, ...]
    rows: int
    files: int
    made: int
    removed: int
    failures: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def score(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | dask.bag.Bag | dask.dataframe.DataFrame,
    output: str | os.PathLike[str],
    *,
    client: distributed.Client | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    tagging: Tagging | None = None,
    text: str = "text",
    batch_bytes: int = 64_000_000,
    reports: int = 16,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Tag the passages of many inputs on a Dask cluster, into a folder of Parquet files.

    Without `client` and `scheduler`, worker processes on this machine do it; as always with processes, a script that calls
    this needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    source : path, address, several of them, Bag or DataFrame
        Reports, folders, patterns, ``@list.txt``, ``.jsonl`` and ``.parquet`` files, at paths or at addresses that fsspec
        knows (``s3://…``); the workers must reach them. A Bag of texts or of mappings, or a DataFrame. Reports are split;
        rows are passages already, and their ``section``, ``country``, ``year``, ``page`` and ``block`` are kept.
    output : path or address
        A folder that this process and all workers reach. What an earlier run with these settings finished there is kept;
        files of inputs that have changed, or are not among `source` any more, are removed.
    client, scheduler : Client, address
        The cluster. A given client stays open.
    workers : int, optional
        Processes of this machine; one for each core by default.
    text : str
        Column of a table, or key of a mapping, that holds the text.
    batch_bytes : int
        Size at which JSONL and Parquet inputs are cut.
    reports : int
        Reports a file, on average.
    storage_options : mapping, optional
        Options of the file systems of `source` and `output`.
    progress : callable, optional
        Called with (parts done, parts in all).

    Raises
    ------
    InputError
        When a name stands for nothing, no scheduler answers, or the folder holds something else. An input that cannot be
        read does not raise: it becomes a row in ``errors/``.
    ModelError
        When the model cannot be used.
    """
    if scheduler is not None and (client is not None or workers is not None):
        raise ValueError("give scheduler alone: it makes its own client, and has its own workers")
    if min(batch_bytes, reports, 1 if workers is None else workers) < 1:
        raise ValueError("batch_bytes, reports and workers must be 1 or more")
    _require_dask()
    from tipclassify.pipeline.distributed.cluster import connected, model_on
    from tipclassify.pipeline.distributed.folder import Folder
    from tipclassify.pipeline.distributed.inputs import find_sources, plan_parts
    from tipclassify.pipeline.distributed.places import place_of
    from tipclassify.pipeline.distributed.tasks import run, tasks_of_collection
    from tipclassify.pipeline.distributed.worker import ModelPlugin, Work

    tagging = tagging or Tagging()
    plugin = ModelPlugin(tagging.model)
    settings = _settings(plugin.sha256, tagging, text)
    place = place_of(os.fspath(output), storage_options)
    work = Work(plugin.name, tagging, json.dumps(settings), place, text)
    folder = Folder(os.fspath(output), place, settings)
    records: dict[str, Record] = {}
    if hasattr(source, "__dask_graph__"):
        tasks = tasks_of_collection(source, text)
        inputs = [part.sources[0].name for part, _ in tasks]
    else:
        names = [source] if isinstance(source, str | os.PathLike) else list(source)
        sources = find_sources([os.fspath(name) for name in names], place, storage_options)
        inputs = [one.name for one in sources]
        parts = {part.name(work.setting): part for part in plan_parts(sources, batch_bytes, reports)}
        records = folder.done({name for name, part in parts.items() if part.known})
        tasks = [(part, None) for name, part in parts.items() if name not in records]
    folder.refuse_other_inputs(inputs)

    if tasks:
        done = len(records)
        folder.open()
        processes = len(tasks) if workers is None else min(workers, len(tasks))
        cluster = contextlib.nullcontext(client) if client is not None else connected(scheduler, processes)
        with cluster as connection, model_on(connection, plugin):
            for number, made in enumerate(run(connection, tasks, work), 1):
                records.update({record.name: record for record in made})
                if progress:
                    progress(done + number, done + len(tasks))
    return _closed(folder, inputs, records.values())


def _require_dask() -> None:
    """Do nothing where Dask is installed.

    Raises
    ------
    MissingExtraError
        Where it is not.
    """
    try:
        import distributed  # noqa: F401
        import fsspec  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError("the Dask engine", "dask") from None


def _settings(model: str, tagging: Tagging, text: str) -> dict[str, Any]:
    """What decides rows beside the inputs."""
    return {
        "version": __version__,
        "model": model,
        "policy": tagging.policy,
        "thresholds": dict(tagging.thresholds),
        "unit": tagging.unit,
        "encoding": tagging.read.encoding,
        "text": text,
    }


def _closed(folder: Folder, inputs: Sequence[str], records: Iterable[Record]) -> Outcome:
    """Close the folder: records and failures in the order of the inputs."""
    place = {name: number for number, name in enumerate(inputs)}
    ordered = sorted(records, key=lambda record: (place[next(iter(record.inputs))], record.name))
    removed = folder.close(inputs, ordered)
    failures = sorted((one for record in ordered for one in record.failures), key=lambda one: place[one.input])
    return Outcome(
        folder.name,
        tuple(inputs),
        rows=sum(record.rows for record in ordered),
        files=sum(record.bytes > 0 for record in ordered),
        made=sum(record.made and record.bytes > 0 for record in ordered),
        removed=removed,
        failures=tuple((failure.input, failure.error) for failure in failures),
        notes=tuple(note for record in ordered for note in record.notes),
    )
