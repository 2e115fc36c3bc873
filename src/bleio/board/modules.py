"""All modules of a pretend board, as `import` finds them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

from bleio.board import analog, buses, digital, keys, rainbow, serial, sound
from bleio.board.board import PIN_NAMES, Board
from bleio.board.pins import Pin
from bleio.board.processor import make_microcontroller, make_supervisor
from bleio.board.usb import Device

# These know their board by their pins, so that one object of each would serve all boards; but
# what a program puts into a module must not reach another device.
_BY_PINS: dict[str, dict[str, Any]] = {
    "analogio": {"AnalogIn": analog.AnalogIn, "AnalogOut": analog.AnalogOut},
    "audiobusio": {"PDMIn": sound.PDMIn},
    "audiocore": {"RawSample": sound.RawSample, "WaveFile": sound.SoundFile},
    "audiomp3": {"MP3Decoder": sound.SoundFile},
    "audiopwmio": {"PWMAudioOut": sound.PWMAudioOut},
    "busio": {"I2C": buses.I2C, "SPI": buses.SPI, "UART": serial.UART},
    "digitalio": {
        "DigitalInOut": digital.DigitalInOut,
        "Direction": digital.Direction,
        "DriveMode": digital.DriveMode,
        "Pull": digital.Pull,
    },
    "keypad": {"Event": keys.Event, "EventQueue": keys.EventQueue, "Keys": keys.Keys},
    "neopixel_write": {"neopixel_write": digital.neopixel_write},
    "pwmio": {"PWMOut": analog.PWMOut},
    "rainbowio": {"colorwheel": rainbow.colorwheel},
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


def put_in_place(folder: str) -> Board:
    """Let this process import them, but for those that are in the program's folder, in real time.

    Returns: their board.
    """
    board = Board(lambda: time.monotonic_ns() // 1000, name=folder)
    for name, module in make_modules(board, time.sleep).items():
        if PathFinder.find_spec(name, [folder]) is None:
            sys.modules[name] = module
    return board


def _module(name: str, names: dict[str, Any]) -> ModuleType:
    module = ModuleType(name, f"CircuitPython's {name}, on a pretend board.")
    vars(module).update(names)
    return module


def _make_board(board: Board) -> ModuleType:
    """Make `board`: its pins, and its buses, each of which is one object."""
    made: dict[str, Any] = {}

    def once(name: str, make: Callable[..., Any], *pins: Pin) -> Callable[[], Any]:
        def bus() -> Any:
            if name not in made or made[name].ended:
                made[name] = make(*pins)
            return made[name]

        return bus

    i2c = once("I2C", buses.I2C, board.SCL, board.SDA)
    names = {
        **{name: getattr(board, name) for name in PIN_NAMES},
        "I2C": i2c,
        "STEMMA_I2C": i2c,
        "SPI": once("SPI", buses.SPI, board.SCK, board.MOSI, board.MISO),
        "UART": once("UART", serial.UART, board.TX, board.RX),
        "board_id": "pretend",
    }
    return _module("board", names)
