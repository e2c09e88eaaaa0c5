"""Connect to a Dask cluster, one that runs already or worker processes of this machine, and keep the model on its workers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security
from distributed.core import rpc

from tipclassify.errors import InputError
from tipclassify.pipeline.distributed.worker import ModelPlugin

__all__ = ["connected", "model_on"]

_PATIENCE: Final = 5  # seconds that a scheduler has to answer
_LOOPBACK: Final = "127.0.0.1"
_NOISY: Final = ("distributed", "tornado", "asyncio")
_IGNORE_INTERRUPTS: Final = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""For workers here: a terminal sends Ctrl-C to all processes of a command, and the first of them ends the others."""


@contextlib.contextmanager
def connected(scheduler: str | None = None, workers: int | None = None) -> Iterator[Client]:
    """Connect a `distributed.Client` to the scheduler at an address, or to `workers` processes here, one a core by default.

    Raises
    ------
    InputError
        When no scheduler answers at the address.
    """
    with _quiet():
        if scheduler is not None:
            with _client_of(scheduler) as client:
                yield client
            return
        with (
            LocalCluster(
                n_workers=workers or CPU_COUNT,
                threads_per_worker=1,
                processes=True,
                host=_LOOPBACK,
                dashboard_address=f"{_LOOPBACK}:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                preload=[*dask.config.get("distributed.worker.preload"), _IGNORE_INTERRUPTS],
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


def _client_of(scheduler: str) -> Client:
    try:
        # A Client that finds something else there takes minutes to say so. The thread: a notebook has a loop.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _greet(scheduler)).result()
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except Exception:  # what else listens at an address answers with anything: even a MemoryError has been seen
        raise InputError(
            f"{scheduler}: no Dask scheduler answers there; start one with 'dask scheduler', or leave the address out"
        ) from None
    if not client.ncores():
        warnings.warn(f"{scheduler}: no workers there yet; waiting for one ('dask worker {scheduler}')", stacklevel=2)
    return client


async def _greet(scheduler: str) -> None:
    """Ask a scheduler who it is, and wait no longer than `_PATIENCE`."""
    async with rpc(scheduler, timeout=_PATIENCE, connection_args=Security().get_connection_args("client")) as server:
        if (await asyncio.wait_for(server.identity(), _PATIENCE))["type"] != "Scheduler":
            raise ValueError("not a scheduler")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Turn Dask's own messages off: a worker that ends or is replaced is no news to whoever scores."""
    names = {name for name in logging.root.manager.loggerDict if name.split(".")[0] in _NOISY}
    loggers = {logger: logger.level for logger in map(logging.getLogger, sorted({*names, *_NOISY}))}
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)


@contextlib.contextmanager
def model_on(client: Client, plugin: ModelPlugin) -> Iterator[None]:
    """Keep a model on every worker of a cluster, also on one that joins or is replaced.

    Raises
    ------
    InputError, ModelError
        When a worker cannot take it.
    """
    try:
        try:
            client.register_plugin(plugin)
        except ImportError as error:
            raise InputError(f"the workers cannot load tipclassify ({error}); install the same on each") from None
        yield
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone
            client.unregister_worker_plugin(plugin.name)
