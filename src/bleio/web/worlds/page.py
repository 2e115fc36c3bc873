"""The page of a world: it shows what programs do, and lets simulated time stop, step and hurry.

A world goes on in the thread that made it, by calls of `run`, and between two calls nothing
happens. So that is how it is paced: it runs for as much simulated time as some milliseconds of real
time are to be, then what the page asks for is done, and the news are told. Where a piece ends
changes nothing about what happens in the world, since the owner's waits are of no concern to the
others. So a world that is only looked at has the same packets as one without a page.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable
from typing import NoReturn

from bleio.pages.rows import shown
from bleio.testing.timing.waiting import NEVER_US
from bleio.testing.world import World
from bleio.web.address import PageAddress
from bleio.web.commands import Command, Move, Pause, Speed, Step
from bleio.web.controllers import about_air
from bleio.web.feed import Feed
from bleio.web.server import PageServer
from bleio.web.worlds.stage import Stage

_PIECE_S = 0.03  # of real time
_MOST_BEHIND_S = 0.5
_LEAST_PIECE_US, _MOST_PIECE_US = 1_000, 60_000_000  # of simulated time, if it is to hurry
# A wait of no more than a look is a look, and looks of one that does nothing else become longer.
_SHORTEST_US = 21
_MOST_COMMANDS = 200
_LATE_TOLD_S = 2.0

Done = Callable[[], bool]


class WorldPage:
    """A page and the world that it shows. Thread: the world's owner.

    Args:
        title: of the page. each_piece: called between two pieces, after programs may have printed.
    """

    def __init__(
        self, world: World, title: str, address: PageAddress, each_piece: Callable[[], None]
    ) -> None:
        self._world = world
        self._each_piece = each_piece
        self._asked: queue.Queue[Command] = queue.Queue(_MOST_COMMANDS)
        about = about_air(world.radio.medium.propagation)
        self._server = PageServer(
            address, {"kind": "world", "title": shown(title), **about}, self._ask
        )
        self._feed = Feed(self._server.tell)
        self._stage = Stage(world, self._feed)
        self._pace = _Pace()
        self._goal: Done | None = None  # until what to go on while it is paused
        self._goal_us = NEVER_US  # and until when
        self._told_s = self._late_s = 0.0

    def start(self) -> str:
        """Serve it; devices have been added. Returns: its URL. Raises: OSError."""
        self._server.start()
        self._stage.set_up()
        self._tell()
        return self._server.url

    def close(self) -> None:
        """End it."""
        self._stage.leave()
        self._server.close()

    def go(self, done: Done, limit_s: float) -> bool:
        """Let the world go on as the page wants, until a condition, or for some simulated time.

        Returns: whether the condition came. Raises: as `World.run`.
        """
        end_us = self._world.clock.now_us + round(limit_s * 1e6)
        self._pace.begin(self._now_us)
        while not done():
            if self._now_us >= end_us:
                return False
            piece_us = self._next_piece_us()
            if end_us - self._now_us - piece_us < _SHORTEST_US:
                piece_us = end_us - self._now_us  # what would be left would be too short
            if piece_us > 0:
                began_s = time.monotonic()
                self._world.go_on(done, piece_us / 1e6)
                self._pace.took(time.monotonic() - began_s)
                self._each_piece()
                if self._goal is not None and self._goal():
                    self._goal = None
            self._tell_in_time()
            self._take_commands(wait_s=0.0 if self._hurries else _PIECE_S)
        return True

    def stay(self, why: str, *, failed: bool = False) -> NoReturn:
        """The world goes on no more; show it until KeyboardInterrupt. Args: why: it has ended."""
        self._feed.set_state(ended=shown(why), failed=failed)
        self._tell()
        while True:
            with contextlib.suppress(queue.Empty):
                self._asked.get(timeout=0.2)
                self._feed.note(self._now_us, "Not done: the world has ended")
            self._tell()

    @property
    def _now_us(self) -> int:
        return self._world.clock.now_us

    @property
    def _hurries(self) -> bool:
        return self._goal is not None or (not self._pace.paused and self._pace.speed is None)

    def _next_piece_us(self) -> int:
        pace = self._pace
        if self._goal is not None:
            return self._to_goal_us()
        if pace.paused:
            return 0
        piece_us, late = pace.piece_us(self._now_us)
        if late:
            self._late_s = time.monotonic()
        return piece_us

    def _to_goal_us(self) -> int:
        """Go to the time of the goal, or to the next thing that happens, which may be the goal."""
        next_us = self._goal_us
        if next_us == NEVER_US:
            next_us = min(self._world.clock.next_us(), self._stage.next_packet_us())
        return max(_SHORTEST_US, min(next_us - self._now_us, _MOST_PIECE_US))

    def _tell_in_time(self) -> None:
        if time.monotonic() - self._told_s >= _PIECE_S or (self._pace.paused and not self._goal):
            self._tell()

    def _tell(self) -> None:
        self._told_s = time.monotonic()
        self._feed.set_state(
            paused=self._pace.paused and self._goal is None,
            speed=self._pace.speed,
            behind=self._told_s - self._late_s < _LATE_TOLD_S and self._late_s > 0,
        )
        self._stage.tell()

    # What is asked for

    def _ask(self, command: Command) -> None:
        """Thread: the server's."""
        try:
            self._asked.put_nowait(command)
        except queue.Full:
            raise ValueError("The page asks for too much at once; wait a moment") from None

    def _take_commands(self, wait_s: float) -> None:
        """Do what is asked for by now, or within a moment. Of moves only the last is made."""
        commands = []
        with contextlib.suppress(queue.Empty):
            commands.append(self._asked.get(timeout=wait_s) if wait_s else self._asked.get_nowait())
            while True:
                commands.append(self._asked.get_nowait())
        moves = {each.device: each for each in commands if isinstance(each, Move)}
        for command in commands:
            if not isinstance(command, Move) or moves[command.device] is command:
                self._do(command)

    def _do(self, command: Command) -> None:
        try:
            match command:
                case Pause(paused):
                    self._goal = None
                    self._pace.pause(paused, self._now_us)
                case Speed(times):
                    self._pace.set_speed(times, self._now_us)
                case Step(to, ms):
                    self._step(to, ms)
                case _:
                    self._stage.carry_out(command)
        except ValueError as error:
            self._feed.note(self._now_us, f"Not done: {error}")
        self._tell()

    def _step(self, to: str, ms: float) -> None:
        self._pace.pause(True, self._now_us)
        self._goal_us = NEVER_US
        if to == "packet":
            before = self._stage.packets_begun()
            self._goal = lambda: self._stage.packets_begun() > before
        elif to == "event":
            self._goal = lambda: True
        else:
            until_us = self._now_us + max(1, round(ms * 1000))
            self._goal_us = until_us
            self._goal = lambda: self._now_us >= until_us


class _Pace:
    """How fast simulated time goes.

    Attributes: speed: in times of real time; None is as fast as it can.
    """

    def __init__(self) -> None:
        self.speed: float | None = 1.0
        self.paused = False
        self._began_us = 0
        self._began_s = 0.0
        self._hurry_us = _LEAST_PIECE_US

    def begin(self, now_us: int) -> None:
        """Real time counts from now."""
        self._began_us, self._began_s = now_us, time.monotonic()

    def pause(self, paused: bool, now_us: int) -> None:
        """Stand still, or go on."""
        self.paused = paused
        self.begin(now_us)

    def set_speed(self, speed: float | None, now_us: int) -> None:
        """Go on that fast."""
        self.speed = speed
        self._hurry_us = _LEAST_PIECE_US
        self.begin(now_us)

    def piece_us(self, now_us: int) -> tuple[int, bool]:
        """Return how far to go now, and whether the machine is too slow for that speed."""
        if self.speed is None:
            return self._hurry_us, False
        passed_s = time.monotonic() - self._began_s
        behind_us = self._began_us + passed_s * 1e6 * self.speed - now_us
        late = behind_us > _MOST_BEHIND_S * 1e6 * self.speed
        if late:
            self.begin(now_us)
        most_us = 2 * _PIECE_S * 1e6 * self.speed
        piece_us = round(min(behind_us, most_us))
        return (piece_us if piece_us >= _SHORTEST_US else 0), late

    def took(self, seconds: float) -> None:
        """A piece took that long of real time."""
        if seconds < _PIECE_S / 2:
            self._hurry_us = min(_MOST_PIECE_US, self._hurry_us * 2)
        elif seconds > 2 * _PIECE_S:
            self._hurry_us = max(_LEAST_PIECE_US, self._hurry_us // 2)
