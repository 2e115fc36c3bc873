"""All modules of a pretend board, as `import` finds them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from bleio.board import analog, buses, digital, keys, sound
from bleio.board.board import Board
from bleio.board.processor import make_microcontroller, make_supervisor
from bleio.board.usb import Device

# These know their board by their pins, so that one object of each would serve all boards; but
# what a program puts into a module must not reach another device.
_BY_PINS: dict[str, dict[str, Any]] = {
    "analogio": {"AnalogIn": analog.AnalogIn, "AnalogOut": analog.AnalogOut},
    "audiobusio": {"PDMIn": sound.PDMIn},
    "audiocore": {"RawSample": sound.RawSample},
    "audiopwmio": {"PWMAudioOut": sound.PWMAudioOut},
    "busio": {"I2C": buses.I2C, "UART": buses.UART},
    "digitalio": {
        "DigitalInOut": digital.DigitalInOut,
        "Direction": digital.Direction,
        "DriveMode": digital.DriveMode,
        "Pull": digital.Pull,
    },
    "keypad": {"Event": keys.Event, "EventQueue": keys.EventQueue, "Keys": keys.Keys},
    "neopixel_write": {"neopixel_write": digital.neopixel_write},
    "pwmio": {"PWMOut": analog.PWMOut},
    "touchio": {"TouchIn": analog.TouchIn},
}
NAMES = frozenset({*_BY_PINS, "board", "microcontroller", "supervisor", "usb_hid"})


def make_modules(board: Board, sleep: Callable[[float], None]) -> dict[str, ModuleType]:
    """Make them for one program.

    Args: sleep: for `microcontroller.delay_us`, in seconds.
    """
    modules = {name: _module(name, names) for name, names in _BY_PINS.items()}
    modules["board"] = _make_board(board)
    modules["microcontroller"] = make_microcontroller(board, sleep)
    modules["supervisor"] = make_supervisor(board)
    modules["usb_hid"] = _module("usb_hid", {"devices": board.usb.devices, "Device": Device})
    return modules


def _module(name: str, names: dict[str, Any]) -> ModuleType:
    module = ModuleType(name, f"CircuitPython's {name}, on a pretend board.")
    vars(module).update(names)
    return module


def _make_board(board: Board) -> ModuleType:
    """Make `board`: its pins, and its buses, each of which is one object."""
    made: dict[str, Any] = {}

    def i2c() -> buses.I2C:
        if "i2c" not in made:
            made["i2c"] = buses.I2C(board.SCL, board.SDA)
        return made["i2c"]  # type: ignore[no-any-return]

    def uart() -> buses.UART:
        if "uart" not in made:
            made["uart"] = buses.UART(board.TX, board.RX)
        return made["uart"]  # type: ignore[no-any-return]

    names = {**board.pins, "I2C": i2c, "STEMMA_I2C": i2c, "UART": uart, "board_id": "pretend"}
    return _module("board", names)
