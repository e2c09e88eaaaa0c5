"""Whom the work goes to: a cluster that runs already, or worker processes of this machine that come and go with the run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from typing import Any, Final

from tipclassify.errors import InputError, MissingExtraError

__all__ = ["connected", "joblib_on", "require_dask"]

_PATIENCE: Final = 5  # seconds that a scheduler has to answer
_LOOPBACK: Final = "127.0.0.1"
_SETTINGS: Final = {
    # Dask has each worker return freed memory to the system at once; asking for it anew took as long as the work itself.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}
_NOISY: Final = ("distributed", "tornado", "asyncio")


def require_dask() -> None:
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


@contextlib.contextmanager
def connected(scheduler: str | None = None, workers: int | None = None) -> Iterator[Any]:
    """A `distributed.Client`: of the scheduler at an address, or of `workers` processes on loopback, one thread each.

    Without `workers`, one for each core.

    Raises
    ------
    InputError
        When no scheduler answers at the address.
    MissingExtraError
        When Dask is not installed.
    """
    require_dask()
    with _quiet():
        if scheduler is not None:
            with _client_of(scheduler) as client:
                yield client
            return
        import dask
        from dask.system import CPU_COUNT
        from distributed import Client, LocalCluster

        with (
            dask.config.set(_SETTINGS),
            LocalCluster(
                n_workers=workers or CPU_COUNT,
                threads_per_worker=1,
                processes=True,
                host=_LOOPBACK,
                dashboard_address=f"{_LOOPBACK}:0",
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
                preload=[*dask.config.get("distributed.worker.preload"), "tipclassify.pipeline.distributed.interrupts"],
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


@contextlib.contextmanager
def joblib_on(scheduler: str | None = None, workers: int | None = None) -> Iterator[None]:
    """Within it, whatever joblib runs (the folds of a training, an audit) runs on a cluster, with the same results."""
    with connected(scheduler, workers) as client:
        from joblib import parallel_config

        with _sized(), parallel_config(backend="dask", client=client):
            yield


@contextlib.contextmanager
def _sized() -> Iterator[None]:
    """Within it, Dask sees how large our dataclasses are: it takes them for a few bytes, and would send all features of a
    corpus with each task that fits a fold, where large values go to the workers once.
    """
    from dask.sizeof import sizeof

    plain = sizeof.dispatch(object)

    def with_fields(value: Any) -> int:
        ours = is_dataclass(value) and type(value).__module__.startswith("tipclassify.")
        return int(plain(value)) + (sum(sizeof(getattr(value, one.name)) for one in fields(value)) if ours else 0)

    sizeof.register(object, with_fields)
    try:
        yield
    finally:
        sizeof.register(object, plain)


def _client_of(scheduler: str) -> Any:
    from distributed import Client

    try:
        # A Client that finds nobody there, or something else, takes minutes to say so. The thread: a notebook has a loop.
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
    from distributed import Security
    from distributed.core import rpc

    async with rpc(scheduler, timeout=_PATIENCE, connection_args=Security().get_connection_args("client")) as server:
        if (await asyncio.wait_for(server.identity(), _PATIENCE))["type"] != "Scheduler":
            raise ValueError("not a scheduler")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask's own messages off: a worker that ends or is replaced is no news to whoever scores."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _NOISY]
    loggers = [logging.getLogger(name) for name in {*names, *_NOISY}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
