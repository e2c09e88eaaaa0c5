"""`score`: plan the parts, have workers make those that are missing, and close the folder with its manifest."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tipclassify._version import __version__
from tipclassify.errors import InputError
from tipclassify.pipeline.batch import Tagging

if TYPE_CHECKING:
    import dask.bag
    import dask.dataframe
    import distributed

    from tipclassify.pipeline.distributed.folder import Folder
    from tipclassify.pipeline.distributed.tasks import Record, Work

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
    from tipclassify.pipeline.distributed.cluster import connected, require_dask

    require_dask()
    from tipclassify.pipeline.distributed.folder import Folder
    from tipclassify.pipeline.distributed.models import ModelFiles
    from tipclassify.pipeline.distributed.places import place_of
    from tipclassify.pipeline.distributed.running import model_on
    from tipclassify.pipeline.distributed.tasks import Work

    tagging = tagging or Tagging()
    model = ModelFiles.of(tagging.model)
    settings = _settings(model.sha256, tagging, text)
    work = Work(model.sha256, tagging, json.dumps(settings), place_of(os.fspath(output), storage_options), text)
    folder = Folder(os.fspath(output), work, settings)
    plan: _Plan
    if hasattr(source, "__dask_graph__"):
        plan = _collection_plan(source, work)
    else:
        names = [source] if isinstance(source, str | os.PathLike) else list(source)
        plan = _names_plan([os.fspath(name) for name in names], folder, work, batch_bytes, reports, storage_options)
    folder.refuse_other_inputs(plan.inputs)

    records = dict(plan.done)
    if plan.left:
        folder.open()
        processes = plan.left if workers is None else min(workers, plan.left)
        cluster = contextlib.nullcontext(client) if client is not None else connected(scheduler, processes)
        with cluster as connection, model_on(connection, model):
            for number, (record, more) in enumerate(plan.run(connection), 1):
                records[record.name] = record
                if progress:
                    progress(len(plan.done) + number, len(plan.done) + plan.left + more)
    return _closed(folder, plan.inputs, records)


@dataclass(frozen=True)
class _Plan:
    """What there is to do.

    Attributes
    ----------
    done : mapping of str to Record
        Parts that an earlier run has finished, by name.
    left : int
        Parts to make.
    run : callable
        Makes them on the cluster of a client.
    """

    inputs: Sequence[str]
    done: Mapping[str, Record]
    left: int
    run: Callable[[Any], Iterator[tuple[Record, int]]]


def _names_plan(
    names: Sequence[str], folder: Folder, work: Work, batch_bytes: int, reports: int, options: Mapping[str, Any] | None
) -> _Plan:
    from tipclassify.pipeline.distributed.running import run_parts
    from tipclassify.pipeline.distributed.sources import find_sources, plan_parts

    sources = find_sources(names, folder.name, options)
    parts = {part.name(work.setting): part for part in plan_parts(sources, batch_bytes, reports)}
    done = folder.done({name: [s.name for s in part.sources] for name, part in parts.items() if part.known})
    left = [part for name, part in parts.items() if name not in done]
    return _Plan([s.name for s in sources], done, len(left), lambda client: run_parts(client, left, work))


def _collection_plan(source: Any, work: Work) -> _Plan:
    from tipclassify.pipeline.distributed.running import run_collection

    columns = getattr(source, "columns", None)
    if columns is not None and work.text not in columns:
        raise InputError(
            f'the DataFrame has no column "{work.text}"; say which holds the text, of {", ".join(columns)}'
        )
    kind = "bag" if columns is None else "dataframe"
    partitions = {f"{kind}:{number}": partition for number, partition in enumerate(source.to_delayed())}
    return _Plan(list(partitions), {}, len(partitions), lambda client: run_collection(client, partitions, work))


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


def _closed(folder: Folder, inputs: Sequence[str], records: Mapping[str, Record]) -> Outcome:
    place = {name: number for number, name in enumerate(inputs)}
    ordered = sorted(records.values(), key=lambda record: (place[record.inputs[0][0]], record.name))
    removed = folder.close(inputs, ordered)
    failures = [failure for record in ordered for failure in record.failures]
    return Outcome(
        folder.name,
        tuple(inputs),
        rows=sum(record.rows for record in ordered),
        files=sum(record.bytes > 0 for record in ordered),
        made=sum(record.made and record.bytes > 0 for record in ordered),
        removed=removed,
        failures=tuple(
            (failure.input, failure.error) for failure in sorted(failures, key=lambda one: place.get(one.input, 0))
        ),
        notes=tuple(note for record in ordered for note in record.notes),
    )
