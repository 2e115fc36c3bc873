"""`microcontroller` and `supervisor`: the chip, and what runs the program."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from bleio.board.pins import SUPPLY_V, Pin

if TYPE_CHECKING:
    from bleio.board.board import Board

_CLOCK_HZ = 64_000_000


class Restart(SystemExit):
    """The program has asked to be started anew: `microcontroller.reset`, `supervisor.reload`.

    No Exception, so that a program's `except Exception` does not keep it from that; and one that
    asyncio does not keep in the task that raises it.
    """


class _Cpu:
    def __init__(self, board: Board) -> None:
        self._board = board

    @property
    def temperature(self) -> float:
        """In degrees Celsius; a test sets it as `board.temperature_c`."""
        return self._board.temperature_c

    @property
    def uid(self) -> bytes:
        """Unique to the device, and the same in each run."""
        return self._board.uid

    @property
    def frequency(self) -> int:
        """In Hz, that of a nRF52840."""
        return _CLOCK_HZ

    @property
    def voltage(self) -> float:
        """In volts."""
        return SUPPLY_V

    @property
    def reset_reason(self) -> str:
        """Why it has started."""
        return "microcontroller.ResetReason.POWER_ON"


def make_microcontroller(board: Board, sleep: Callable[[float], None]) -> ModuleType:
    """Make `microcontroller`."""
    module = ModuleType("microcontroller", "The chip of a pretend board.")
    cpu = _Cpu(board)

    def delay_us(delay: int) -> None:
        sleep(delay / 1e6)

    def nothing() -> None:
        """A pretend board has no interrupts that could be kept away."""

    vars(module).update(
        cpu=cpu,
        cpus=(cpu,),
        Pin=Pin,
        nvm=board.nvm,
        delay_us=delay_us,
        disable_interrupts=nothing,
        enable_interrupts=nothing,
        reset=restart,
    )
    return module


def restart() -> NoReturn:
    """Start the program anew."""
    raise Restart


class _Runtime:
    def __init__(self, board: Board) -> None:
        self._board = board
        self.autoreload = True

    @property
    def usb_connected(self) -> bool:
        """Whether a computer is at the USB port."""
        self._board.look()
        return self._board.usb.connected

    serial_connected = usb_connected

    @property
    def serial_bytes_available(self) -> int:
        """Nobody types to a pretend board."""
        return 0


def make_supervisor(board: Board) -> ModuleType:
    """Make `supervisor`."""
    module = ModuleType("supervisor", "What runs the program of a pretend board.")

    def ticks_ms() -> int:
        board.look()
        return board.ticks_ms()

    def get_previous_traceback() -> None:
        """Each program of a pretend board is the first."""

    vars(module).update(
        runtime=_Runtime(board),
        ticks_ms=ticks_ms,
        reload=restart,
        get_previous_traceback=get_previous_traceback,
    )
    return module
