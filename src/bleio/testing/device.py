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

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bleio.api import use_adapter
from bleio.backends.hci import entropy
from bleio.board.board import Board
from bleio.board.processor import Restart
from bleio.runtime.engine import use_portal
from bleio.testing.air import history
from bleio.testing.air.deviceradio import DeviceRadio
from bleio.testing.air.onair import OnAir
from bleio.testing.air.sharedair import SharedAir
from bleio.testing.errors import PowerOff
from bleio.testing.programs.ends import End, end_of, leave_fork
from bleio.testing.programs.modules import DeviceModules
from bleio.testing.programs.output import Line, Output
from bleio.testing.programs.patches import Patch, Patches
from bleio.testing.programs.program import Circumstances, Program
from bleio.testing.programs.synthetic import make_modules
from bleio.testing.timing.jitter import make_jitter
from bleio.testing.timing.participant import Participant

_RESET_S = 0.1  # from a reset to the program's first line


@dataclass(frozen=True)
class DeviceOwner:
    """What a device tells and asks the world that made it.

    Attributes:
        state_folder: where devices keep their bonds, each in a folder of its name; None is nowhere.
        full_trace: show frames of bleio in tracebacks of programs, too.
        check_open: raises WorldError if no device can be powered on any more.
        named: returns a text with names of devices in place of their addresses.
        printed: a line of output has ended. Thread: the device's.
        failed: its program ended with an exception, `device.error`. Thread: the device's.
    """

    state_folder: str | None
    full_trace: bool
    check_open: Callable[[], None]
    named: Callable[[str], str]
    printed: Callable[[Device, Line], None]
    failed: Callable[[Device], None]


class Device(OnAir):
    """A device in a `World`, which makes it.

    Attributes:
        name: unlike all others in the world.
        adapter: its `_bleio.adapter`; another one after each power-on.
        output: what it printed; see `Output`.
        error: the exception that its program ended with.
        board: its pins, buttons and pixels; see `bleio.board.board.Board`.
        error_text: what `str` gives of it, on the device's thread, where its program belongs.
        error_behind: what is to be said of the exceptions that it came of.

    Thread: the world's owner, or a program of the world.
    """

    def __init__(
        self,
        air: SharedAir,
        owner: DeviceOwner,
        name: str,
        program: Program,
        call: Circumstances,
        radio: DeviceRadio,
        start_s: float,
    ) -> None:
        super().__init__(air, name, radio, owner.state_folder)
        self.error: BaseException | None = None
        self.error_text = ""
        self.error_behind: tuple[str, ...] = ()
        self.failed_at_s: float | None = None
        self.output = Output(air.clock.time, partial(owner.printed, self))
        self.board = Board(self._now_us, air.clock.look, name)
        self._owner = owner
        self._program = program
        self._call = call
        self._patches = Patches(program)
        self._starts = 0
        self._jitter = make_jitter(air.seed, name, air.jitter_us)
        self._slowness = 1.0
        self._starts_us = 0
        self._comes_back = False
        self._back_us = 0
        self._participant: Participant | None = None
        self.power_on(start_s)

    def __repr__(self) -> str:
        """Its name, and what became of its program."""
        state = "running" if self.running else "off"
        if self.error is not None:
            state = f"failed: {type(self.error).__name__}"
        return f"<Device {self.name} {state}>"

    @property
    def running(self) -> bool:
        """Whether its program runs or is about to be started."""
        return self._comes_back or (self._participant is not None and self._participant.alive)

    @property
    def where(self) -> str:
        """Where its program is, in words: file, line and source, since when and for what it
        waits; or how it has ended."""
        if self._participant is None:
            return "is off"
        where = self._air.clock.where(self._participant)
        if self.error is None:
            return where
        return f"{where}; failed at {self.failed_at_s:.6f} s by {type(self.error).__name__}"

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

    @property
    def full_disk(self) -> bool:
        """Whether its disk is full; rw.

        New bonds count until its program ends then, unless there is room before. What the program
        writes to files that it has opened by `open` fails with OSError (ENOSPC).
        """
        return self._disk.full

    @full_disk.setter
    def full_disk(self, full: bool) -> None:
        in_use = self._participant is not None and self._participant.alive
        self._disk.become(full=bool(full), in_use=in_use)

    def patch(self, target: str, value: object) -> Patch:
        """Put a value in place of a name in the device's own modules, now and after power-ons.

        Where the module is not loaded yet, it is done when it is, before the program sees it. Use
        it in a `with` statement, or `undo` it, for a part of a test.

        Args: target: such as "sensors.read", "sensors.Sensor.read", "builtins.input", or "board"
            for a whole module; the program itself is `__main__`. value: functions of the
            test run with the device's time and modules.
        Raises: ModuleNotFoundError; AttributeError, or a failed program, if there is no such name;
            ValueError for modules that are shared with the test.
        """
        return self._patches.add(target, value)

    def power_on(self, at_s: float = 0.0) -> None:
        """Start the program from its beginning, now or later. Bonds are as they were.

        Raises: RuntimeError if it runs; WorldError if its world is closed.
        """
        self._owner.check_open()
        if self.running and not self._comes_back:
            raise RuntimeError(f"{self.name} is powered on already")
        self.adapter = self._adapters.make()
        self.board.reset()
        clock = self._air.clock
        self._starts_us = max(round(at_s * 1e6), clock.now_us)
        if self._jitter is not None:
            self._starts_us += self._jitter.wait_us()
        self._participant = clock.start(self._main, self.name, self._starts_us)
        self._participant.late = self._jitter
        self._comes_back = False
        self.radio.participant = self._participant
        self.slowness = self._slowness

    def power_off(self) -> None:
        """Cut the power: the program ends where it is, and its radio is silent at once.

        Peers notice by their supervision time-outs. Does nothing if it is off.
        """
        self._comes_back = False
        self._cut()

    def cut_power(self, for_s: float) -> None:
        """Cut the power now, and have it back after some simulated time; does not wait for that.

        Of cuts that overlap the last to end counts. Does nothing if it is off: before its
        `start_s`, after `power_off` and when its program has ended by itself.

        Raises: ValueError.
        """
        if not 0 <= for_s < math.inf:
            raise ValueError("for_s must be a number of seconds from 0 on")
        clock = self._air.clock
        back_us = clock.now_us + round(for_s * 1e6)
        if self._comes_back:
            self._back_us = max(self._back_us, back_us)
        elif self._participant is not None and self.running and self._starts_us <= clock.now_us:
            self._back_us, self._comes_back = back_us, True
            wait = partial(self._wait_for_power, self._participant)
            clock.start(wait, f"power of {self.name}")
            self._cut()

    def end_cut(self) -> None:
        """Have the power back now that `cut_power` has cut; does nothing if it is not cut."""
        if self._comes_back:
            self.power_on()

    def _wait_for_power(self, former: Participant) -> None:
        clock = self._air.clock
        clock.wait_until(former.has_ended)
        while self._comes_back and clock.now_us < self._back_us:
            clock.sleep((self._back_us - clock.now_us) / 1e6)
        if self._comes_back:
            self.power_on()

    def _cut(self) -> None:
        clock, participant = self._air.clock, self._participant
        if participant is not None:
            clock.stop(participant, PowerOff)
        self._air.portal.run(self.radio.cut)
        if participant is not None:
            clock.wait_until(participant.has_ended)
        self._note(history.OFF)
        self.board.reset()

    def _main(self) -> None:
        """The device's thread."""
        with use_portal(self._air.portal), entropy.predictable(self._air.entropy):
            self._note(history.ON)
            try:
                while self._run():
                    pass
            except PowerOff:
                return
            finally:
                self.output.finish()

    def _run(self) -> bool:
        """Run the program to its end. Returns: whether it has asked to be started anew."""
        with use_adapter(self.adapter):
            modules: DeviceModules | None = None
            try:
                modules = self._make_modules()
                self._run_with(modules)
            except PowerOff:
                raise
            except Restart:
                self._restart()
                return True
            except BaseException as error:
                if self._air.clock.forked:
                    leave_fork(error)
                owner = self._owner
                self._ended_by(end_of(error, self.output, owner.named, whole=owner.full_trace))
            if self._air.clock.forked:
                leave_fork(None)
            if modules is not None:
                modules.exits.run()
            session = self.adapter._session
            self._note(history.ENDED)
            session.engine.call(session.life.shut_down)
        return False

    def _run_with(self, modules: DeviceModules) -> None:
        try:
            self._program.run(modules)
        finally:
            modules.end()

    def _make_modules(self) -> DeviceModules:
        chance = f"{self._air.seed}\0{self.name}"
        if self._starts:  # else a device would tell the same "unique" number again
            chance = f"{chance}\0{self._starts}"
        self._starts += 1
        modules = make_modules(
            self._program,
            self._call,
            self._air.clock,
            self.output,
            chance,
            self.name,
            self.board,
        )
        modules.names["open"] = self._disk.open
        self._patches.begin(modules)
        return modules

    def _restart(self) -> None:
        """Begin anew as after a reset: without a word to peers, and not at once, or a program that
        does nothing but reset would take no time."""
        self._air.portal.run(self.radio.cut)
        self._note(history.RESET)
        self.board.reset()
        self._air.clock.sleep(_RESET_S)
        self.adapter = self._adapters.make()

    def _now_us(self) -> int:
        return self._air.clock.time.now_us

    def _note(self, what: str) -> None:
        self.radio.history.note(self._now_us(), what)

    def _ended_by(self, end: End | None) -> None:
        if end is not None:
            self._note(f"{history.FAILED}: {end.text}")
            self.error, self.error_text, self.error_behind = end
            self.failed_at_s = self._air.now_s
            self._owner.failed(self)
