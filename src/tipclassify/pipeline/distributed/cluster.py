"""Dask cluster: connect to a running one or start worker processes here, and deploy the model to its workers."""

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

__all__ = ["connected", "deployed_model"]

_PATIENCE: Final = 5  # timeout of a scheduler's answer, in seconds
_LOOPBACK: Final = "127.0.0.1"
_NOISY: Final = ("distributed", "tornado", "asyncio")
_IGNORE_INTERRUPTS: Final = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""Preload for local workers: a terminal sends Ctrl-C to all processes of a command, and the parent ends the workers."""


@contextlib.contextmanager
def connected(scheduler: str | None = None, workers: int | None = None) -> Iterator[Client]:
    """Connect a `distributed.Client` to a scheduler's address, or to `workers` new local processes (default: cores).

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
        # Ask first: a Client takes minutes to fail on anything else. In a thread, as a notebook runs an event loop.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _greet(scheduler)).result()
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except Exception:  # another kind of server may answer with anything: even a MemoryError was seen
        raise InputError(
            f"{scheduler}: no Dask scheduler answers there; start one with 'dask scheduler', or leave the address out"
        ) from None
    if not client.ncores():
        warnings.warn(f"{scheduler}: no workers there yet; waiting for one ('dask worker {scheduler}')", stacklevel=2)
    return client


async def _greet(scheduler: str) -> None:
    """Ask a scheduler for its identity; raise unless it answers within `_PATIENCE` seconds."""
    async with rpc(scheduler, timeout=_PATIENCE, connection_args=Security().get_connection_args("client")) as server:
        if (await asyncio.wait_for(server.identity(), _PATIENCE))["type"] != "Scheduler":
            raise ValueError("not a scheduler")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Dask's log messages: a worker that ends or is replaced does not concern the user."""
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
def deployed_model(client: Client, plugin: ModelPlugin) -> Iterator[None]:
    """Register a model on every worker of a cluster, including workers that join later.

    Raises
    ------
    InputError, ModelError
        When a worker cannot load it.
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
