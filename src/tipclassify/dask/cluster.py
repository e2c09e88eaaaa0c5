"""Run tasks on a Dask cluster, or on processes started here, even if workers are killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from typing import Final

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security, as_completed
from distributed.core import rpc
from distributed.scheduler import KilledWorker

from tipclassify.dask.folder import Folder
from tipclassify.dask.sources import Source, describe
from tipclassify.dask.work import Result, score_source
from tipclassify.errors import InputError, TipclassifyError
from tipclassify.tagging import Tagging

_PATIENCE: Final = 5  # timeout of a scheduler's answer, in seconds
_LOOPBACK: Final = "127.0.0.1"
_NOISY: Final = ("distributed", "tornado", "asyncio")
# Preload for local workers: a terminal sends Ctrl-C to all processes of a command, and the parent
# ends the workers.
_IGNORE_INTERRUPTS: Final = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
_RETRIES: Final = 2  # of a task that raised, as when its file could not be written
_KILLED: Final = "every process that read it was killed; out of memory? Split it, or leave it out"


@contextlib.contextmanager
def connect(cluster: Client | str | int | None, tasks: int) -> Iterator[Client]:
    """Connect to a cluster: by a client, by a scheduler's address, or as local processes.

    A client stays open. Of local processes, there is at most one for each of the `tasks`. Raises
    `InputError` where no scheduler answers, or no process can be started.
    """
    if isinstance(cluster, Client):
        yield cluster
        return
    with _silenced(), contextlib.ExitStack() as stack:
        if isinstance(cluster, str):
            yield stack.enter_context(_client(cluster))
            return
        try:
            local = LocalCluster(
                n_workers=min(cluster or CPU_COUNT, tasks),
                threads_per_worker=1,
                processes=True,
                host=_LOOPBACK,
                dashboard_address=f"{_LOOPBACK}:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                preload=[*dask.config.get("distributed.worker.preload"), _IGNORE_INTERRUPTS],
            )
            stack.enter_context(local)
            client = stack.enter_context(Client(local, set_as_default=False))
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"the processes of Dask do not start ({describe(error)}); "
                "free some memory, or use --jobs in place of Dask"
            ) from None
        yield client


def _client(scheduler: str) -> Client:
    try:
        # Ask first: a Client takes minutes to fail on anything else. In a thread, as a notebook
        # runs an event loop.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _greet(scheduler)).result()
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    # another kind of server may answer with anything: even a MemoryError was seen
    except Exception:
        raise InputError(
            f"{scheduler}: no Dask scheduler answers there; "
            "start one with 'dask scheduler', or leave the address out"
        ) from None
    if not client.ncores():
        warnings.warn(
            f"{scheduler}: no workers there yet; waiting for one ('dask worker {scheduler}')",
            stacklevel=2,
        )
    return client


async def _greet(scheduler: str) -> None:
    async with rpc(
        scheduler, timeout=_PATIENCE, connection_args=Security().get_connection_args("client")
    ) as server:
        if (await asyncio.wait_for(server.identity(), _PATIENCE))["type"] != "Scheduler":
            raise ValueError("not a scheduler")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Silence Dask's log messages: a worker that ends or is replaced does not concern the user."""
    names = {name for name in logging.root.manager.loggerDict if name.split(".")[0] in _NOISY}
    loggers = [logging.getLogger(name) for name in {*names, *_NOISY}]
    levels = {logger: logger.level for logger in loggers}
    try:
        for logger in levels:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def run(
    client: Client, sources: Sequence[Source], folder: Folder, tagging: Tagging
) -> Iterator[Result]:
    """Tag and write the sources on a cluster; yield the result of each as it completes.

    When a process is killed, Dask fails every task assigned to it. Such tasks run once more at the
    end, one at a time, so that one bad input does not lose the others.
    """
    killed = []
    for source, result in _results(client, sources, folder, tagging):
        if result:
            yield result
        else:
            killed.append(source)
    for source in killed:
        ((_, result),) = _results(client, [source], folder, tagging)
        yield result or _failed(source, folder, _KILLED)


def _results(
    client: Client, sources: Sequence[Source], folder: Folder, tagging: Tagging
) -> Iterator[tuple[Source, Result | None]]:
    """Yield each source with its result, or with None if the processes that read it were killed."""
    score = partial(score_source, folder=folder, tagging=tagging)
    futures = client.map(score, sources, pure=False, retries=_RETRIES)
    source_of = dict(zip((future.key for future in futures), sources, strict=True))
    for future in as_completed(futures, loop=client.loop):
        source = source_of[future.key]
        result: Result | None = None
        try:
            result = future.result()
        except CancelledError:
            raise InputError(
                "the Dask scheduler was lost; run it again: what is finished is not made anew"
            ) from None
        except TipclassifyError:
            raise
        except ImportError as error:
            raise InputError(
                f"a worker lacks a package ({error}); install the same on each"
            ) from None
        except KilledWorker:
            pass
        except Exception as error:
            result = _failed(source, folder, f"cannot be computed ({describe(error)})")
        yield source, result


def _failed(source: Source, folder: Folder, error: str) -> Result:
    """Make the result of an input that no worker could finish."""
    return f"{folder.name_of(source)}-failed", [(source.name, f"{source.name}: {error}")], []
