"""One device of a world: a program, its adapter and what it prints.

A device is what survives a power cycle: its name and address, its bonds, its place, its output, and
how slow it is. Powering it on makes the rest anew: a stack that runs the program from its
beginning, with modules of its own (`modules`), an adapter, and, once that is used, a controller on
the air.

Whose adapter `_bleio.adapter` is, which engine it uses and where its keys come from, are context
variables, set where the device's program runs. So no code of the program or of a library needs to
be told which device it runs in. The alternative, an object that programs are given, would need
other programs.

Power off is an exception in the program, `PowerOff`, raised where it waits or will look
next. It is no `Exception`, so that `except Exception` in a program does not catch it. `finally`
runs, as it would not on a board, but has no radio any more: that is silent from the first moment,
without a word to peers. A program that ends by itself is different: its adapter shuts down and says
goodbye, as at the end of any process.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import NoReturn, Protocol

from bleio.api import Adapter, use_adapter
from bleio.backends.hci import entropy
from bleio.backends.hci.bonds.store import BondStore, MemoryBondStore
from bleio.core.address import DeviceAddress
from bleio.radio.air.propagation import Position
from bleio.radio.air.station import RadioOn
from bleio.runtime.engine import use_portal
from bleio.testing.air.backend import AirBackend
from bleio.testing.air.deviceradio import DeviceRadio
from bleio.testing.air.places import STEP_S, Waypoint, as_path, as_position, position_at
from bleio.testing.air.sharedair import SharedAir
from bleio.testing.errors import PowerOff
from bleio.testing.programs.output import Line, Output
from bleio.testing.programs.program import Program
from bleio.testing.programs.synthetic import make_modules
from bleio.testing.timing.participant import Participant


class DeviceOwner(Protocol):
    """What a device tells and asks: the world that made it.

    state_folder: where devices keep their bonds, each in a folder of its name; None is nowhere.
    """

    state_folder: str | None

    def check_open(self) -> None:
        """Raise WorldError if no device can be powered on any more."""

    def printed(self, device: Device, line: Line) -> None:
        """A line of output has ended. Thread: the device's."""

    def failed(self, device: Device) -> None:
        """Its program ended with an exception, `device.error`. Thread: the device's."""


class Device:
    """A device in a `World`, which makes it.

    Attributes:
        name: unlike all others in the world.
        adapter: its `_bleio.adapter`; another one after each power-on.
        output: what it printed; see `Output`.
        error: the exception that its program ended with.
        error_text: what `str` gives of it, on the device's thread, where its program belongs.
        radio: what it has on the air.

    Thread: the world's owner, or a program of the world.
    """

    def __init__(
        self,
        air: SharedAir,
        owner: DeviceOwner,
        name: str,
        program: Program,
        radio: DeviceRadio,
        start_s: float,
    ) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.error_text = ""
        self.failed_at_s: float | None = None
        self.output = Output(air.clock.time, partial(owner.printed, self))
        self._air = air
        self._owner = owner
        self._program = program
        self.radio = radio
        self._slowness = 1.0
        self._moves = 0
        self._counted: Counter[str] = Counter()  # by former adapters
        with entropy.predictable(air.entropy):
            self._bonds: BondStore = MemoryBondStore()
        self._participant: Participant | None = None
        self.power_on(start_s)

    def __repr__(self) -> str:
        return f"<Device {self.name}>"

    @property
    def running(self) -> bool:
        """Whether its program runs or is about to be started."""
        return self._participant is not None and self._participant.alive

    @property
    def text(self) -> str:
        """All that it has printed."""
        return self.output.text

    @property
    def slowness(self) -> float:
        """How many times slower than usual it is; rw.

        A look takes that many times 20 us. Every blocking call and sleep takes so much longer, and
        so does all that its host does with what the controller says: answers of its GATT server,
        its part in pairing. Computing costs nothing, however slow it is.
        """
        return self._slowness

    @slowness.setter
    def slowness(self, value: float) -> None:
        if not 0 < value < math.inf:
            raise ValueError("slowness must be a number above 0")
        self._slowness = value
        if self._participant is not None:
            self._participant.slow_down(value)

    def power_on(self, at_s: float = 0.0) -> None:
        """Start the program from its beginning, now or later. Bonds are as they were.

        Raises: RuntimeError if it runs; WorldError if its world is closed.
        """
        self._owner.check_open()
        if self.running:
            raise RuntimeError(f"{self.name} is powered on already")
        self._counted = self._counted_by_adapters()
        self.adapter = self._make_adapter()
        clock = self._air.clock
        self._participant = clock.start(self._main, self.name, round(at_s * 1e6))
        self.radio.participant = self._participant
        self.slowness = self._slowness

    def power_off(self) -> None:
        """Cut the power: the program ends where it is, and its radio is silent at once.

        Peers notice by their supervision time-outs. Does nothing if it is off.
        """
        clock, participant = self._air.clock, self._participant
        if participant is not None:
            clock.stop(participant, PowerOff)
        self._air.portal.run(self.radio.cut)
        if participant is not None:
            clock.wait_until(participant.has_ended)

    # Its radio

    @property
    def position(self) -> Position:
        """Where it is, in metres; rw, also as two numbers. Setting it ends a `move_along`.

        Raises: ValueError in a world in which distances do not matter.
        """
        return self.radio.position

    @position.setter
    def position(self, position: Sequence[float]) -> None:
        self._air.check_distances_matter()
        self._moves += 1
        self._move_to(as_position(position))

    def move_along(self, path: Iterable[Waypoint]) -> None:
        """Move from now on: straight from where it is to each point, to be there at its time.

        Args: path: times in simulated seconds since the world began, and positions.
        Raises: ValueError.
        """
        self._air.check_distances_matter()
        start, points = (self._air.now_s, self.position), as_path(path)
        if points[0][0] <= start[0]:
            raise ValueError("The path begins in the past")
        self._moves += 1
        moves, clock = self._moves, self._air.clock

        def walk() -> None:
            while self._moves == moves and self._air.now_s < points[-1][0]:
                clock.sleep(min(STEP_S, points[-1][0] - self._air.now_s))
                if self._moves == moves:
                    self._move_to(position_at(self._air.now_s, start, points))

        clock.start(walk, f"path of {self.name}")

    @property
    def antenna(self) -> bool:
        """Whether its radio has its antenna; rw. Without, it neither hears nor is heard."""
        return self.radio.antenna

    @antenna.setter
    def antenna(self, on: bool) -> None:
        self.radio.antenna = bool(on)
        self._air.portal.run(self.radio.apply)

    @property
    def refuse_connections(self) -> bool:
        """Whether its radio leaves connection requests unanswered; rw.

        It goes on advertising. A central takes the link as made, hears nothing for six connection
        events, and has it end as never established (0x3E); `connect` tries again until its
        time-out. With extended advertising, which is confirmed, no link is made at all. Links that
        are there stay.
        """
        return self.radio.refuses

    @refuse_connections.setter
    def refuse_connections(self, refuse: bool) -> None:
        self.radio.refuses = bool(refuse)
        self._air.portal.run(self.radio.apply)

    @property
    def energy(self) -> RadioOn:
        """For how long its radio has been on, over all times of power, in simulated microseconds.

        `tx_us` is transmitting, `rx_us` listening.
        """
        return self._air.portal.run(self.radio.radio_on)

    @property
    def counters(self) -> dict[str, int]:
        """What was dropped, refused or found wrong, by name, over all times of power.

        The names of `bleio.counters`; and `controller: ` with a reason, for what the simulated
        controller has dropped. Sorted.
        """
        counted = self._counted_by_adapters()
        for reason, number in self.radio.dropped().items():
            counted[f"controller: {reason}"] = number
        return dict(sorted(counted.items()))

    def drop_links(self) -> None:
        """Break its links now; both ends are told, as after a supervision time-out."""
        self._air.portal.run(self.radio.drop_links)

    def corrupt_next(self) -> None:
        """Let the next packet that it sends have a wrong CRC."""
        self._air.portal.run(self.radio.corrupt_next)

    # Inside

    def _counted_by_adapters(self) -> Counter[str]:
        counted = Counter(dict(self._counted))
        if self._participant is not None:  # else it has had none yet
            counted.update(self.adapter._session.counters())
        return counted

    def _move_to(self, position: Position) -> None:
        self.radio.position = position
        self._air.portal.run(self.radio.apply)

    def _make_adapter(self) -> Adapter:
        adapter = Adapter.__new__(Adapter)
        adapter._set_up(self._make_backend, self.name)
        with use_portal(self._air.portal):
            adapter._session  # noqa: B018 - made here, it belongs to the world
        return adapter

    def _make_backend(self, former: DeviceAddress | None) -> AirBackend:
        address, bonds = former or address_of(self.name), self._bonds
        if self._owner.state_folder is not None:
            from pathlib import Path

            from bleio.backends.hci.bonds.file import FileBondStore  # few worlds keep any

            folder = Path(self._owner.state_folder, self.name, "bonds")
            bonds = FileBondStore(folder, address, judged=False)
        air = self._air
        backend = AirBackend(air.clock.time, air.radio, self.name, address, bonds, self.radio)
        self.radio.backend = backend
        return backend

    def _main(self) -> None:
        """The device's thread."""
        with (
            use_portal(self._air.portal),
            use_adapter(self.adapter),
            entropy.predictable(self._air.entropy),
        ):
            try:
                self._run()
            finally:
                self.output.finish()

    def _run(self) -> None:
        try:
            self._program.run(
                make_modules(
                    self._program.folder, self._air.clock, self.output, self.name, self._air.seed
                )
            )
        except PowerOff:
            return
        except BaseException as error:
            if self._air.clock.forked:
                _leave_fork(error)
            if isinstance(error, SystemExit):
                self._exit(error)
            else:
                self._fail(error)
        if self._air.clock.forked:
            _leave_fork(None)
        try:
            session = self.adapter._session
            session.engine.call(session.life.shut_down)
        except PowerOff:
            return

    def _exit(self, end: SystemExit) -> None:
        """End as a process does by `sys.exit`: quietly, but for what it was given to say."""
        if end.code is None or (isinstance(end.code, int) and end.code == 0):
            return
        if not isinstance(end.code, int):
            self.output.write(f"{_text_of(end.code, 'exit code')}\n")
        self._ended_by(end.with_traceback(None))

    def _fail(self, error: BaseException) -> None:
        trace = error.__traceback__
        while trace is not None and _is_ours(trace):
            trace = trace.tb_next
        self.output.write(_traceback_of(error, trace))
        self._ended_by(error.with_traceback(trace))

    def _ended_by(self, error: BaseException) -> None:
        self.error_text = _text_of(error, "exception")
        self.error = error
        self.failed_at_s = self._air.now_s
        self._owner.failed(self)


def address_of(name: str) -> DeviceAddress:
    """Return the static random address of the device of that name, the same in every run."""
    octets = bytearray(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:6])
    octets[5] |= 0xC0
    return DeviceAddress(bytes(octets), random=True)


def _leave_fork(error: BaseException | None) -> NoReturn:
    """End a forked process whose program has ended, as its main thread's end would.

    It has no main thread, and what it has of open files and worlds is its parent's to end.
    """
    code: object = error.code if isinstance(error, SystemExit) else error and 1
    if error is not None and not isinstance(error, SystemExit):
        sys.stderr.write(_traceback_of(error, error.__traceback__))
    elif not isinstance(code, int | None):
        sys.stderr.write(f"{_text_of(code, 'exit code')}\n")
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _text_of(value: object, what: str) -> str:
    """Return what `str` gives, or that it failed, in the words of Python's tracebacks.

    It is the program's code, which may raise anything and even wait.
    """
    try:
        return str(value)
    except BaseException:
        return f"<{what} str() failed>"


def _traceback_of(error: BaseException, trace: TracebackType | None) -> str:
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:  # one of what it looks at is the program's, such as notes
        lines = ["Traceback (most recent call last):\n", *traceback.format_tb(trace)]
        return "".join((*lines, f"{type(error).__name__}: {_text_of(error, 'exception')}\n"))


def _is_ours(trace: TracebackType) -> bool:
    """Return whether this frame runs the program rather than being of it."""
    module = str(trace.tb_frame.f_globals.get("__name__"))
    return module.startswith("bleio.testing.")
