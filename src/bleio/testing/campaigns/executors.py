"""What runs the worlds: processes of this machine, which are made anew when one dies, or whatever
executor is given.

The processes are started anew, not forked: a fork has the locks of threads that it does not have.
Each holds the end of a pipe whose other end only we have. When that is closed, by us or because we
were killed, they end at once; else they would wait for work for ever. Ctrl-C is for us alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol

from bleio.testing.campaigns.errors import CampaignError

# An executor of processes takes no more on Windows, which waits for so many things at once.
MOST_WORKERS = 61 if sys.platform == "win32" else sys.maxsize
Deaths = tuple[type[BaseException], ...]


class Crew(Protocol):
    """What `running` asks of an executor.

    Attributes: deaths: the exceptions that mean that a worker has died; after a BrokenExecutor, all
        have.
    """

    deaths: Deaths

    def workers(self) -> int:
        """Return how many worlds can run at a time."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Have a worker call a function."""

    def renew(self, death: BaseException) -> None:
        """Make up for a death. Raises: CampaignError if that is not ours to do."""


class Processes:
    """Processes of this machine. Context manager: ends them, at once if there was an exception."""

    deaths: Deaths = (BrokenExecutor,)

    def __init__(self, workers: int) -> None:
        self._workers = min(workers, MOST_WORKERS)
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def _start(self) -> None:
        self._theirs, self._life = self._context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            self._workers, self._context, initializer=_end_with, initargs=(self._theirs,)
        )

    def workers(self) -> int:
        """Return how many worlds can run at a time."""
        return self._workers

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Have a process call a function; it may be started for that."""
        with _no_interrupt():
            return self._pool.submit(function, *args)

    def renew(self, death: BaseException) -> None:
        """Start other processes in their place, since an executor ends with one of them."""
        self._stop()
        self._start()

    def _stop(self) -> None:
        self._life.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._theirs.close()

    def __enter__(self) -> Processes:
        try:
            self.submit(os.getpid).result()
        except BrokenExecutor as error:
            self._stop()
            raise CampaignError("Worker processes cannot be started; they say why above") from error
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._pool.shutdown(wait=True)
        self._stop()


class Given:
    """An executor that the user has made, and ends."""

    def __init__(self, executor: Executor, workers: int, deaths: Deaths = ()) -> None:
        self._workers = workers
        self.deaths: Deaths = (BrokenExecutor, *deaths)
        self._executor = executor

    def workers(self) -> int:
        """Return how many worlds can run at a time."""
        return self._workers

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Have a worker call a function."""
        return self._executor.submit(function, *args)

    def renew(self, death: BaseException) -> None:
        """Refuse where all workers are gone; where others took over, all is well."""
        if isinstance(death, BrokenExecutor):
            raise CampaignError(
                "A worker of the executor died, and with it the executor: run the campaign again"
                " with a new one, and it goes on"
            ) from death


def _end_with(life: Connection) -> None:
    """Have this process end when nobody has the other end of the pipe any more."""
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        with suppress(EOFError, OSError):
            life.recv_bytes()
        os._exit(1)

    threading.Thread(target=wait, name="end of the campaign", daemon=True).start()


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Keep Ctrl-C until later, and from processes that are started meanwhile, for good."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
