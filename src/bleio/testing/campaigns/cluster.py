"""Dask: a cluster that others schedule. Only this module imports it, when it is asked for."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Any

from bleio.testing.campaigns.errors import CampaignError
from bleio.testing.campaigns.executors import Given

CONNECT_S = 10
ASK_S = 5

_log = logging.getLogger(__name__)


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


class Cluster(Given):
    """The executor of a client, whose cluster may grow and shrink meanwhile."""

    def __init__(self, executor: Any) -> None:
        from distributed import KilledWorker

        super().__init__(executor, 0, (KilledWorker,))
        self._client = executor._client
        self._asked_s = -math.inf

    def workers(self) -> int:
        """Return how many threads of workers there are, as of some seconds ago; at least one."""
        now_s = time.monotonic()
        if now_s - self._asked_s > ASK_S:
            self._asked_s = now_s
            with suppress(
                OSError, TimeoutError
            ):  # what has no answer is told by what was handed out
                self._workers = sum(self._client.nthreads().values())
            if not self._workers:
                _log.warning(
                    "The cluster has no workers yet: dask worker %s --nthreads 1",
                    self._client.scheduler.address,
                )
        return self._workers or 1


def crew_of_cluster(executor: Any, workers: int | None) -> Given:
    """Return what is known of the executor of a client."""
    return (
        Cluster(executor) if workers is None else Given(executor, workers, Cluster(executor).deaths)
    )
