"""What can go wrong with a world as a whole."""

from __future__ import annotations


class WorldError(Exception):
    """A world cannot go on as it was asked to."""


class DeviceFailed(WorldError):
    """A program ended with an exception, which is the cause of this one.

    Attributes:
        exit_code: what a process that ran the program would have ended with: that of its
            `sys.exit`, or 1.
        device: the device's name.
    """

    def __init__(self, sentence: str, exit_code: int = 1, device: str = "") -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.device = device


class DeviceBlocked(WorldError):
    """A program neither waited in simulated time nor ended for some seconds of real time."""


class SleptForReal(DeviceBlocked):
    """A program sleeps by the real clock, in code that was defined before its device was."""


class NoSuchDevice(WorldError, KeyError):
    """A world has no device of that name."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would show it as a literal


class Stalled(WorldError):
    """Nothing can ever happen again: everybody waits without limit and the air is silent."""


class PowerOff(BaseException):
    """Ends a device's program, wherever it waits. Not an Exception, so programs let it through."""


class ForkedChild(BaseException):
    """Ends what a forked process does of a world, which is its parent's, at its first wait.

    Not an Exception, so a program that tries again whatever goes wrong ends, too.
    """

    def __init__(self) -> None:
        super().__init__(
            "A forked process cannot go on in a world, whose time and other devices are its"
            " parent's; start another Python in its place, for example with subprocess"
        )
