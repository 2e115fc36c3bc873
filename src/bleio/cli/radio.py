"""`bleio radio NAME`: runs a shared simulated radio in the foreground.

The first program of a `virtual:NAME` would start one by itself, in the background and with the
usual settings. This command is for all that wants another: loss, a capture, a seed, or hosts that
are not ours and come in by TCP, a socket or a terminal. It speaks lines that scripts can wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import click

from bleio.cli.options import no_nan, unusable
from bleio.errors import CallerError, ControllerLost
from bleio.files import Recording
from bleio.radio.air.propagation import DEFAULT_PATH_LOSS_DB, Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.capture.air_capture import AirCapture
from bleio.radio.sharing.server.address import parse_listen_address
from bleio.radio.sharing.server.log import FirstOfAKind
from bleio.radio.sharing.server.process import RadioProcess

_HOLD_OCTETS = 1 << 16


@click.command()
@click.argument("name")
@click.option(
    "--listen",
    multiple=True,
    metavar="ADDRESS",
    help="Give every host that connects here a controller of its own, which speaks H4 HCI:"
    " tcp:HOST:PORT (port 0 takes any), unix:PATH or pty:LINK. May be repeated."
    " `,address=00:11:22:33:44:55` behind it names the first controller's public address.",
)
@click.option(
    "--path-loss",
    type=click.FloatRange(0, 200),
    callback=no_nan,
    default=DEFAULT_PATH_LOSS_DB,
    show_default=True,
    metavar="DB",
    help="What a signal loses on its way; RSSI is transmit power minus this.",
)
@click.option(
    "--loss",
    type=click.FloatRange(0, 1),
    callback=no_nan,
    default=0.0,
    show_default=True,
    metavar="P",
    help="Part of all packets that is lost, 0 to 1.",
)
@click.option(
    "--capture",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Write all packets on the air to a pcapng file, for Wireshark; whole when the radio ends.",
)
@click.option(
    "--seed", type=int, metavar="N", help="Seed of the radio's random numbers.  [default: random]"
)
def radio(
    name: str,
    listen: tuple[str, ...],
    path_loss: float,
    loss: float,
    capture: str | None,
    seed: int | None,
) -> None:
    """Run the simulated radio NAME until Ctrl-C.

    Programs with BLEIO_ADAPTER=virtual:NAME join it.
    """
    logging.basicConfig(format="%(message)s", handlers=[FirstOfAKind()])
    try:
        teller = _Teller(name, capture)
        process = RadioProcess(
            name,
            teller,
            listen=[parse_listen_address(text) for text in listen],
            propagation=Propagation(path_loss_db=path_loss, loss=loss),
            seed=seed,
        )
        with teller.cleanup:
            asyncio.run(process.run())
    except CallerError as error:
        raise click.UsageError(str(error)) from None
    except ControllerLost as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(unusable(error)) from None


@contextlib.contextmanager
def _captured(radio: Radio, path: str) -> Iterator[None]:
    """Write what is on the air to a file. Raises: OSError if it cannot be opened.

    Begin only when the name is held, so that no other radio's capture is overwritten.
    """
    file = Recording(path, _HOLD_OCTETS)
    capture = AirCapture(radio, file.write)
    radio.watch(capture.add)
    try:
        yield
    finally:
        radio.unwatch(capture.add)
        capture.flush()
        file.close()


class _Teller:
    """Prints what becomes of the radio, and begins its capture once the name is held.

    Leave `cleanup` when the radio has ended; that makes the file whole.
    """

    def __init__(self, name: str, capture: str | None) -> None:
        self.cleanup = contextlib.ExitStack()
        self._name = name
        self._capture = capture

    def ready(self, process: RadioProcess, addresses: list[str]) -> None:
        """Begin the capture and say where the radio is. Raises: OSError from opening the file."""
        if self._capture is not None:
            assert process.served is not None
            radio = process.served.driver.radio
            self.cleanup.enter_context(_captured(radio, self._capture))
        for address in (f"virtual:{self._name}", *addresses):
            _say(f"Listening on {address}")
        _say("Ready; Ctrl-C ends it.")

    def ended(self, process: RadioProcess) -> None:
        """The command ends, which says it."""

    def host_came(self, name: str) -> None:
        """Say so."""
        _say(f"+ {name}")

    def host_left(self, name: str) -> None:
        """Say so."""
        _say(f"- {name}")


def _say(line: str) -> None:
    """Print now, also into pipes."""
    click.echo(line)
