"""What goes wrong between a command and a device: sentences, and the exit code of each."""

from __future__ import annotations

import click


class NotFound(click.ClickException):
    """A device, or something on it, is not there; or there are several."""

    exit_code = 3


class Gone(click.ClickException):
    """The device was there, and is no more."""

    exit_code = 5


class Refused(click.ClickException):
    """The device does not allow it: permission, security, pairing."""

    exit_code = 6
