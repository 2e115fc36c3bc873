"""Dask: a cluster that others schedule. Only this module imports it, when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from bleio.testing.campaigns.errors import CampaignError
from bleio.testing.campaigns.executors import Given

CONNECT_S = 10


@contextmanager
def cluster_at(address: str) -> Iterator[Executor]:
    """Connect to the scheduler of a cluster. Raises: CampaignError."""
    try:
        from distributed import Client
    except ImportError as error:
        raise CampaignError(
            'Campaigns on a cluster need the package distributed: pip install "bleio[dask]"'
        ) from error
    connect: Any = Client
    try:
        client = connect(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise CampaignError(
            f"No scheduler of Dask answers at {address} ({error}); start one with"
            ' "dask scheduler", and give its address, such as tcp://192.0.2.1:8786'
        ) from error
    with client:
        executor = client.get_executor(pure=False)
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False)
            raise


def crew_of_cluster(executor: Any, workers: int | None) -> Given:
    """Return what is known of the executor of a client."""
    from distributed import KilledWorker

    threads = sum(executor._client.nthreads().values())
    return Given(executor, workers or threads or 1, (KilledWorker,))
