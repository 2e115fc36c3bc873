"""A world: devices that run real programs on one simulated air, in simulated time.

A test of a program that uses Bluetooth needs its peer, an air between them, and time that does not
depend on the machine. A world has all three in one process. Programs are unchanged: what a device's
`import _bleio` finds is the module that it would find anywhere, over the host that drives real
controllers, over HCI packets. Only what is below that is simulated, by the radio that serves
`virtual` adapters, too; and time, by a clock that takes the place of the real one (`clock`).

What belongs to all devices is `SharedAir`: the radio, the clock, the engine, the packets, and what
disturbs them. What belongs to one is `Device`. What both tell is `Results`. The world makes
devices, runs, and ends them.

The obvious alternative, processes on a shared radio, is there as well: `virtual:NAME`. It is real
time, and which packet comes first is up to the machine. Here the same seed and programs give the
same packets, and an hour of advertising takes a second.

What may surprise:

- Nothing happens between two calls of `run`. The test's thread is part of the world (its owner),
  and while it computes, everything stands still; so it can look at anything without a lock.
- What a test does to a device (`jam`, `drop_links`, `energy`) goes through the engine, and takes
  20 us of simulated time, as every look does.
- A program that fails fails the world: `run` raises at once, with the failure as the cause, since
  else a test would wait for something that cannot come.
- Ends are in order wherever possible: programs get `PowerOff` where they wait, then the engine
  shuts down. Only a program that blocks outside of simulated time cannot be ended so.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bleio.radio.air.propagation import Propagation
from bleio.radio.air.radio import Radio
from bleio.testing.air.adapters import OtherAdapters
from bleio.testing.air.captures import Captures
from bleio.testing.air.deviceradio import DeviceRadio
from bleio.testing.air.limits import NO_LIMITS, Limits, as_limits
from bleio.testing.air.places import (
    Waypoint,
    as_path,
    check_distances_matter,
    first_place,
    make_propagation,
)
from bleio.testing.device import Device, DeviceOwner
from bleio.testing.errors import PowerOff, WorldError
from bleio.testing.failures import failure_of, located, out_of_time
from bleio.testing.programs.output import Line
from bleio.testing.programs.program import as_circumstances, as_program, check_times
from bleio.testing.results import Results
from bleio.testing.roster import Echo, Roster, Stream, tagged

if TYPE_CHECKING:
    from bleio.testing.faults.fault import Fault
    from bleio.testing.faults.schedule import Faults, Schedule

DEFAULT_WITHIN_S = 600.0  # of simulated time; nothing of Bluetooth takes minutes
_CLOSE_S = 1.0  # for the thread of a world whose programs have ended


class World(Results):
    """Devices on one air; a context manager that ends them all.

    The same seed and programs give the same packets at the same microseconds.

    Args:
        seed: of all that is random: advertising delays, each device's `random`.
        distance_m: how far each device is from the next, in a row along x; weak packets are lost.
        path_loss_db: between any two devices, in place of distances.
        loss: the part of all packets that is lost by chance, 0 to 1.
        propagation: all that can be set of these things, in place of the above.
        jitter_us: how much longer than usual each host and program takes on average, by chance,
            for each packet of its controller, each wait and its start; so races show. For each
            device a mean from a tenth to ten times this is drawn. 0 is no jitter.
        real_time: let simulated time pass no faster than real time.
        echo: where to show what devices print, with time and name.
        blocked_after_s: real seconds after which a program that neither waits in simulated time
            nor ends is an error; of the processor's time if it computes.
        watch: called some times a second of real time, while the world runs, with its time.
        folder: where programs are that are added by a relative path; by default the current one.
        state_folder: where devices keep their bonds, each in a folder of its name; by default
            they last as long as the world.
        capture: a pcapng file for all packets on the air, for Wireshark; whole after `close`.
        hci_capture: a folder for what each device and its controller say over HCI, in one btsnoop
            file for each, named after it. Everything is in clear text there; keys are zeros,
            unless the environment has BLEIO_CAPTURE_KEYS=1.
        full_trace: tracebacks of programs have frames of bleio, too.
        decipher: `capture` and `save_packets` write encrypted packets in clear text, as from a
            sniffer that has the keys; Wireshark cannot decipher packets of the link layer.

    Attributes:
        seed: as it was given.
        jitter_us: as it was given.
        devices: by name, in the order in which they were added.

    Raises: ValueError for settings that contradict each other; OSError for files and folders.
    Thread: the one that made it; programs of the world may use devices too.
    """

    _line_text = staticmethod(tagged)  # what `echo` shows of a line

    def __init__(
        self,
        seed: int = 0,
        *,
        distance_m: float | None = None,
        path_loss_db: float | None = None,
        loss: float | None = None,
        propagation: Propagation | None = None,
        jitter_us: float = 0.0,
        real_time: bool = False,
        echo: Stream | None = None,
        blocked_after_s: float = 10.0,
        watch: Callable[[float], None] | None = None,
        folder: str | os.PathLike[str] | None = None,
        state_folder: str | os.PathLike[str] | None = None,
        capture: str | os.PathLike[str] | None = None,
        hci_capture: str | os.PathLike[str] | None = None,
        decipher: bool = False,
        full_trace: bool = False,
    ) -> None:
        radio = Radio(seed, make_propagation(propagation, path_loss_db, distance_m, loss))
        captures = Captures(radio, capture, hci_capture, decipher=decipher)
        devices = Roster()
        others = OtherAdapters(self, captures, devices.radios)
        super().__init__(
            devices,
            seed,
            radio,
            captures,
            others.make_backend,
            real_time=real_time,
            jitter_us=jitter_us,
            blocked_after_s=blocked_after_s,
            watch=watch,
        )
        self._distance_m = distance_m or 0.0
        self._folder = None if folder is None else os.path.abspath(folder)
        self._echo = Echo(echo, self._line_text, at_once=real_time)
        self._failures: deque[Device] = deque()
        self._schedule: Schedule | None = None
        self._closed = False
        self._owner = DeviceOwner(
            state_folder=None if state_folder is None else os.path.abspath(state_folder),
            full_trace=full_trace,
            check_open=self._check_open,
            named=devices.named,
            printed=self._printed,
            failed=self._failed,
        )

    def __repr__(self) -> str:
        """Its seed, its time, and its devices by name."""
        names = ", ".join(self.devices) or "no devices"
        return f"<World seed {self.seed} at {self.now_s:.6f} s: {names}>"

    # Devices

    def add(
        self,
        program: str | os.PathLike[str] | Callable[..., Any] | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        source: str | None = None,
        argv: Sequence[str | os.PathLike[str]] = (),
        env: Mapping[str, str | None] | None = None,
        share: Iterable[str] = (),
        name: str | None = None,
        position: Sequence[float] | None = None,
        path: Iterable[Waypoint] | None = None,
        start_s: float = 0.0,
        stop_s: float | None = None,
        limits: Limits | str = NO_LIMITS,
    ) -> Device:
        """Add a device that runs a program file, a function with arguments, or source text.

        A function, or anything else that can be called, runs with the device's own `time`,
        libraries and `import`, and so does what it calls of its module; values stay shared, so
        that it can leave results. A coroutine function runs as by `asyncio.run`.

        Args: program: a relative path is looked for in the world's folder, then in the current one.
            args, kwargs: of a function, as of `threading.Thread`. argv: what the program finds in
            `sys.argv` after its name. env: what differs from the process's environment in
            `os.environ`; None takes a variable out. share: modules that it has in common with the
            test, instead of having its own.
            name: by default the file's or the function's; a number is added if it is taken.
            position: in metres, if distances matter; by default in a row with the others.
            path: what it moves along from now on; see `Device.move_along`.
            start_s: when it is powered on, stop_s: when off again; simulated. limits: what it
            cannot do: `Limits(mtu=23)`, or the name of one of `PROFILES`.
        Raises: ValueError; TypeError, also for generators; OSError for a file that cannot be read;
            ModuleNotFoundError for a module of `share`; WorldError after `close`.
        """
        self._check_open()
        made = as_program(program, args, kwargs, source, self._folder)
        call = as_circumstances(argv, env, share)
        name = self.devices.check_name(name, made.name)
        check_times(start_s, stop_s)
        points = None if path is None else as_path(path, self.clock.now_us)
        if position is not None or points is not None:
            check_distances_matter(self.radio.medium.propagation)
        default = (len(self.devices) * self._distance_m, 0)
        place = first_place(default if position is None else position, points, self.clock.now_us)
        made_limits = as_limits(limits)
        capture = self._captures.hci_file(name)
        radio = DeviceRadio(self.radio, self.clock, place, capture, made_limits)
        device = self.devices[name] = Device(self, self._owner, name, made, call, radio, start_s)
        if stop_s is not None:
            self.clock.start(device.power_off, f"power of {name}", round(stop_s * 1e6))
        if points is not None:
            device.move_along(points)
        return device

    def inject(self, *faults: Faults, from_s: float = 0.0) -> None:
        """Let faults happen, such as "drop sensor @1.25s"; see `bleio.testing.faults`.

        Args: faults: values, texts, or lists of them. from_s: when their times begin to count; by
            default with the world.
        Raises: ValueError for texts that are no faults, unknown devices and times in the past.
        """
        from bleio.testing.faults.schedule import Schedule

        self._check_open()
        if self._schedule is None:
            self._schedule = Schedule(self, self.devices)
        self._schedule.add(faults, from_s)

    def cut_short(self, fault: Fault) -> Fault | None:
        """Let a fault be over that has begun, one of `faults`; what it was takes its place there.

        Returns: that; None if nothing came of it.
        Raises: ValueError if it is over, has not begun, or cannot be taken back.
        """
        self._check_open()
        if self._schedule is None or not any(each is fault for each in self.faults):
            raise ValueError(f"'{fault}' is no fault of this world")
        return self._schedule.cut_short(fault)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that it was given, with their times in the world."""
        return () if self._schedule is None else self._schedule.faults

    def describe(self) -> str:
        """Say how to have this world again, and how far it got."""
        said = super().describe()
        return f"{said}, with {'; '.join(map(str, self.faults))}" if self.faults else said

    # Running

    def run(
        self,
        until: float | Callable[[], bool] | None = None,
        *,
        within_s: float = DEFAULT_WITHIN_S,
    ) -> None:
        """Let the world go on until a time, a condition, or, by default, the end of all programs.

        Args: until: simulated seconds since the world began, or what becomes true. within_s: how
            much simulated time a condition or the end of all programs may take from now.
        Raises: DeviceFailed as soon as a program ends with an exception; DeviceBlocked;
            Stalled; WorldError after `close`, and in threads that did not make the world;
            TimeoutError; ValueError for NaN; OSError if `echo`
            cannot be written; KeyboardInterrupt, after which it can be run on.
        """
        if until is None or callable(until):
            came = self._run(until or self.all_ended, within_s, at_looks=until)
            if not came:
                raise out_of_time(self, self.devices, until, within_s)
        elif not until <= self.now_s:
            self._run(_never, until - self.now_s, at_looks=None)

    def run_for(self, seconds: float) -> None:
        """Let the world go on for some simulated time; raises like `run`."""
        self.run(self.now_s + seconds)

    def go_on(self, done: Callable[[], bool], limit_s: float) -> bool:
        """Let the world go on until a condition, or for some simulated time; raises like `run`.

        Args: done: asked when a program has ended, and when the engine has done something, such as
            to take a packet; what else makes it true may be seen late, so use `run` for that.
        Returns: whether it came; time that is over is no error here.
        """
        return self._run(done, limit_s, at_looks=None)

    def _run(
        self, done: Callable[[], bool], limit_s: float, at_looks: Callable[[], bool] | None
    ) -> bool:
        self._check_open()
        self.clock.check_owner()
        if math.isnan(limit_s):
            raise ValueError("A world runs for a number of seconds, not for NaN")
        within_s = None if limit_s == math.inf else limit_s

        def over() -> bool:
            return bool(self._failures) or self._echo.error is not None or done()

        try:
            if at_looks is None:
                came = self.clock.wait_until(over, within_s)
            else:
                came = self.clock.wait_until_seen(over, within_s, at_looks)
        except WorldError as error:
            raise located(error, self, self.devices) from None
        self._raise_failure()
        return came

    def _raise_failure(self) -> None:
        if self._echo.error is not None:
            error, self._echo.error = self._echo.error, None
            raise error
        if self._failures:
            raise failure_of(self._failures.popleft(), self.seed)

    def all_ended(self) -> bool:
        """Whether no program runs or is about to be started."""
        return not any(device.running for device in self.devices.values())

    # The end

    def close(self) -> None:
        """Power everything off and end the engine. Raises: DeviceBlocked if a program does not
        end, whose thread is then left behind."""
        if self._closed:
            return
        self._closed = True
        if self.clock.forked:
            return  # it is the parent's to close, with its files
        try:
            if not self.clock.given_up:
                self._stop_programs()
                self.portal.stop()
        except BaseException:  # Ctrl-C, say; nobody will end the rest in order
            self.clock.give_up()
            raise
        finally:
            if self.clock.given_up:
                self.clock.abandon(PowerOff)
            self.clock.join(_CLOSE_S)
            self._captures.close()

    def _check_open(self) -> None:
        """Raise WorldError after `close`."""
        if self._closed:
            raise WorldError("This world is closed and goes on no more; make another one")

    def _stop_programs(self) -> None:
        for device in self.devices.values():
            if device.running:
                assert device._participant is not None
                self.clock.stop(device._participant, PowerOff)
        self.clock.stop_rest()
        if not self.clock.wait_until(self.clock.all_ended, 60.0):
            self.clock.give_up()
            raise WorldError(f"These programs did not end: {', '.join(self.clock.alive())}")

    def __enter__(self) -> World:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # What devices tell

    def _printed(self, device: Device, line: Line) -> None:
        """See `DeviceOwner`."""
        if not self._echo.show(device, line):
            self.clock.announce()

    def _failed(self, device: Device) -> None:
        """See `DeviceOwner`."""
        self._failures.append(device)
        self.clock.announce()


def _never() -> bool:
    return False
