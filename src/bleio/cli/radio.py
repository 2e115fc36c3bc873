"""`bleio radio NAME`: runs a shared simulated radio in the foreground; without NAME, see `radios`.

The first program of a `virtual:NAME` would start one by itself, in the background and with the
usual settings. This command is for all that wants another: loss, a capture, a seed, or hosts that
are not ours and come in by TCP, a socket or a terminal. It speaks lines that scripts can wait for.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bleio.cli.page import WebCommand, open_page, web_options
from bleio.cli.shared.options import NumberRange, json_option
from bleio.cli.shared.output import print_json, print_line
from bleio.cli.shared.paths import unreadable, unusable
from bleio.cli.shared.running import serve
from bleio.errors import CallerError, ControllerLost
from bleio.files import Recording
from bleio.radio.air.propagation import DEFAULT_PATH_LOSS_DB, Propagation
from bleio.radio.air.radio import Radio
from bleio.radio.capture.air_capture import AirCapture
from bleio.radio.sharing.server.address import parse_listen_address
from bleio.radio.sharing.server.connection import ServedRadio
from bleio.radio.sharing.server.log import FirstOfAKind
from bleio.radio.sharing.server.process import RadioProcess

if TYPE_CHECKING:
    from bleio.web.address import PageAddress
    from bleio.web.sharedradio import SharedRadioPage

_HOLD_OCTETS = 1 << 16
DEFAULT_EXPONENT = 3.0  # only distances go by it, which matter on a page


@click.command(cls=WebCommand)
@click.argument("name", required=False)
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
    type=NumberRange(0, 200),
    default=DEFAULT_PATH_LOSS_DB,
    show_default=True,
    metavar="DB",
    help="What a signal loses on its way; RSSI is transmit power minus this.",
)
@click.option(
    "--loss",
    type=NumberRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="Part of all packets that is lost, 0 to 1.",
)
@click.option(
    "--exponent",
    type=NumberRange(0.5, 10),
    default=DEFAULT_EXPONENT,
    show_default=True,
    metavar="N",
    help="How fast signals fade with the distance from a device that was moved on the page: 2 in"
    " the open, 3 to 4 indoors.",
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
@web_options
@json_option("radio")
@click.pass_context
def radio(
    context: click.Context,
    name: str | None,
    listen: tuple[str, ...],
    path_loss: float,
    loss: float,
    exponent: float,
    capture: str | None,
    seed: int | None,
    page: PageAddress | None,
    as_json: bool,
) -> None:
    """Run the simulated radio NAME until Ctrl-C; without NAME, show those that run.

    Programs with BLEIO_ADAPTER=virtual:NAME join it.
    """
    if name is None:
        _list_radios(context, as_json)
        return
    logging.basicConfig(format="%(message)s", handlers=[FirstOfAKind()])
    try:
        teller = _Teller(name, capture, page, as_json)
        process = RadioProcess(
            name,
            teller,
            listen=[parse_listen_address(text) for text in listen],
            propagation=Propagation(path_loss_db=path_loss, exponent=exponent, loss=loss),
            seed=seed,
        )
        teller.stop = process.stop
        with teller.cleanup:
            serve(process.run(), process.stop)
        if teller.problem is not None:
            raise teller.problem
    except BrokenPipeError:
        raise  # nobody reads on, as of any command
    except CallerError as error:
        raise click.UsageError(str(error)) from None
    except ControllerLost as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(unusable(error)) from None


def _list_radios(context: click.Context, as_json: bool) -> None:
    """Show the radios that run. Options for a radio of one's own need its name."""
    from bleio.cli.radios import list_radios

    for each in context.command.params:
        source = context.get_parameter_source(each.name or "")
        if source is ParameterSource.COMMANDLINE and each.name != "as_json":
            raise click.UsageError(
                f"Missing argument 'NAME'. {each.opts[0]} is for a radio that this command runs,"
                " such as: bleio radio desk"
            )
    try:
        list_radios(as_json)
    except OSError as error:
        raise click.ClickException(unreadable(error)) from None


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

    def __init__(
        self, name: str, capture: str | None, address: PageAddress | None, as_json: bool = False
    ) -> None:
        self.cleanup = contextlib.ExitStack()
        self.stop: Callable[[], None] = lambda: None
        self.problem: Exception | None = None  # what has ended the radio: it could not be told
        self._as_json = as_json
        self._name = name
        self._capture = capture
        self._address = address
        self._page: SharedRadioPage | None = None

    def ready(self, process: RadioProcess, addresses: list[str]) -> None:
        """Begin the capture and say where the radio is. Raises: OSError from opening the file."""
        served = process.served
        assert served is not None
        if self._capture is not None:
            self.cleanup.enter_context(_captured(served.driver.radio, self._capture))
        for address in (f"virtual:{self._name}", *addresses):
            self._say(f"Listening on {address}", "listening", address=address)
        if self._address is not None:
            self._open_page(served, self._address)
        self._say("Ready; Ctrl-C ends it.", "ready")

    def _open_page(self, served: ServedRadio, address: PageAddress) -> None:
        from bleio.web.sharedradio import SharedRadioPage

        self._page = SharedRadioPage(served, self._name, address)
        self.cleanup.callback(self._page.close)
        open_page(self._page.start, address, lambda url: self._say(f"Page: {url}", "page", url=url))

    def ended(self, process: RadioProcess) -> None:
        """The command ends, which says it."""

    def host_came(self, name: str) -> None:
        """Say so."""
        self._tell(f"+ {name}", "host_came", name)

    def host_left(self, name: str) -> None:
        """Say so."""
        self._tell(f"- {name}", "host_left", name)

    def _tell(self, line: str, event: str, host: str) -> None:
        """Say so, from a callback of the loop: whoever called can do nothing about a problem."""
        try:
            if self.problem is None:
                self._say(line, event, host=host)
        except (OSError, click.ClickException) as error:
            self.problem = error
            self.stop()
        if self._page is not None:
            self._page.changed()

    def _say(self, line: str, event: str, **members: str) -> None:
        """Print now, also into pipes."""
        if self._as_json:
            print_json({"event": event, **members})
        else:
            print_line(line)
