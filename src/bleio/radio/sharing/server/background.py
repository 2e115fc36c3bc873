"""The main function of a radio that was started on demand; `sharing/launch.py` starts it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from bleio.errors import InnerError
from bleio.files import create
from bleio.radio.sharing.launch import READY, TAKEN
from bleio.radio.sharing.server.log import FirstOfAKind
from bleio.radio.sharing.server.process import NameTaken, RadioProcess


def main(name: str) -> None:
    """Serve the radio `name` until its last user has left; tell once how the start went."""
    try:
        process = RadioProcess(name, _Starter(), background=True)
        asyncio.run(_until_killed(process))
    except NameTaken:
        print(TAKEN, flush=True)
    except InnerError as error:
        print(error, flush=True)


async def _until_killed(process: RadioProcess) -> None:
    """Serve until a signal, too. Those that follow, until the process ends, break nothing."""
    loop = asyncio.get_running_loop()

    def end(_number: int, _frame: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(process.stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    await process.run()


class _Starter:
    """The program that started this one, which reads what is printed until all is open."""

    def ready(self, process: RadioProcess, addresses: list[str]) -> None:
        """Tell it, and let go of its pipe: from now on a log file takes complaints."""
        _say_ready(process)

    def ended(self, process: RadioProcess) -> None:
        """Leave no empty log. Later it could be another radio's, one that takes the name next."""
        _remove_empty_log(process)

    def host_came(self, name: str) -> None:
        """It is told no more."""

    def host_left(self, name: str) -> None:
        """It is told no more."""


def _say_ready(process: RadioProcess) -> None:
    print(READY, flush=True)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        log = create(process.place.log_file)
    except OSError:  # a radio is of use without a log, and nobody would see what is wrong with it
        log = os.dup(null)
    os.dup2(null, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.close(null)
    os.close(log)
    logging.basicConfig(format="%(asctime)s %(message)s", handlers=[FirstOfAKind()])


def _remove_empty_log(process: RadioProcess) -> None:
    sys.stderr.flush()
    log = process.place.log_file
    if log.exists() and log.stat().st_size == 0 and sys.platform != "win32":
        log.unlink(missing_ok=True)
