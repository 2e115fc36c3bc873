"""Makes os.uname say what it says on a board, for programs that look the board up by that."""

import os

_uname = os.uname()


class _Board:
    sysname = nodename = "nrf52840"
    release, version = _uname.release, _uname.version
    machine = "Adafruit CLUE nRF52840 Express with nRF52840"


os.uname = _Board
