"""What goes wrong between a command and a device: sentences, and the exit code of each."""

from __future__ import annotations

from bleio.cli.shared.exits import Exit, Failure


class NotFound(Failure):
    """A device, or something on it, is not there; or there are several."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.NOT_FOUND)


class Gone(Failure):
    """The device was there, and is no more."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.GONE)


class Refused(Failure):
    """The device does not allow it: permission, security, pairing."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.REFUSED)
