"""What can be wrong with BlueZ on a computer, each in one sentence with the command that helps.

A sentence says what was tried, what is wrong and what to do. Texts of D-Bus and BlueZ are kept in
brackets: they are what a search engine knows.
"""

from __future__ import annotations

from pathlib import Path

from bleio.backends.os.bluez.bus import ACCESS_DENIED, NO_REPLY, BusError
from bleio.errors import ControllerLost

RFKILL = Path("/sys/class/rfkill")

_NOT_THERE = ("ServiceUnknown", "NameHasNoOwner")
_OTHERWISE = "or choose another adapter, such as BLEIO_ADAPTER=hci:usb:0"


def no_bus(reason: object) -> ControllerLost:
    """D-Bus cannot be reached."""
    return ControllerLost(
        f"Looked for BlueZ on D-Bus, but the system bus cannot be reached ({reason}):"
        f" start it with `sudo systemctl start dbus`, {_OTHERWISE}."
    )


def no_daemon(error: BusError) -> ControllerLost:
    """A first call to bluetoothd has failed."""
    kind = error.name.rpartition(".")[2]
    if error.name == ACCESS_DENIED:
        return ControllerLost(
            "Looked for BlueZ, but D-Bus does not allow this user to speak to bluetoothd"
            f" ({error}): add the user to its group with `sudo usermod -aG bluetooth $USER`,"
            " then log in again."
        )
    if kind in _NOT_THERE:
        return ControllerLost(
            f"Looked for BlueZ on D-Bus, but bluetoothd does not run ({error}): start it with"
            " `sudo systemctl start bluetooth`, or install it first with `sudo apt install bluez`."
        )
    if error.name == NO_REPLY:
        return ControllerLost(
            f"Spoke to bluetoothd, but it does not answer ({error}): start it again with"
            " `sudo systemctl restart bluetooth`."
        )
    return ControllerLost(
        f"Looked for BlueZ on D-Bus, but bluetoothd could not be started ({error}): see"
        " `systemctl status bluetooth`, and start it with `sudo systemctl start bluetooth`."
    )


def no_adapter(wanted: str | None, found: list[str]) -> ControllerLost:
    """bluetoothd has not the adapter, or none at all."""
    if wanted is not None and found:
        choices = " or ".join(f'"os:{each}"' for each in found)
        return ControllerLost(
            f"Looked for the adapter {wanted}, but BlueZ has no such adapter: choose {choices}"
            f" (BLEIO_ADAPTER=os:{found[0]}), or see what there is with `bluetoothctl list`."
        )
    looked_for = "an adapter" if wanted is None else f"the adapter {wanted}"
    return ControllerLost(
        f"Looked for {looked_for}, but BlueZ has none: plug one in, see `bluetoothctl list` and"
        f" `sudo dmesg | grep -i bluetooth`, {_OTHERWISE}."
    )


def powered_off(name: str, blocked: str | None) -> ControllerLost:
    """The adapter is off. Args: `blocked`: "soft" or "hard" where rfkill keeps it off."""
    if blocked == "soft":
        return ControllerLost(
            f"Opened the adapter {name}, but rfkill blocks it: unblock it with"
            " `rfkill unblock bluetooth`."
        )
    if blocked == "hard":
        return ControllerLost(
            f"Opened the adapter {name}, but a switch blocks it: turn Bluetooth on with the"
            " computer's switch or key, and look at it with `rfkill list bluetooth`."
        )
    return ControllerLost(
        f"Opened the adapter {name}, but it is powered off: turn it on with"
        " `bluetoothctl power on`."
    )


def is_off(name: str) -> BusError:
    """A call came while the adapter is off, by its user's wish; it may be on again later."""
    return BusError(
        "org.bluez.Error.NotReady",
        f"The adapter {name} is powered off: turn it on with `bluetoothctl power on`",
    )


def is_unplugged(name: str) -> BusError:
    """A call came while the adapter is gone, and it is not known yet whether it is back soon."""
    return BusError(
        "org.bluez.Error.NotAvailable",
        f"The adapter {name} is gone, unplugged or taken by another program: plug it in, and see"
        " `bluetoothctl list`",
    )


def is_away(name: str) -> BusError:
    """A call came while bluetoothd is being started again."""
    return BusError(
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        f"bluetoothd has ended; {name} can be used again once it runs: start it with"
        " `sudo systemctl start bluetooth` if nothing else does",
    )


def is_incomplete(name: str, lacking: str) -> BusError:
    """A call came while the adapter lacks an interface that it had when it was opened."""
    return BusError(
        "org.bluez.Error.NotAvailable",
        f"bluetoothd has {name} without its {lacking}: start it again with"
        " `sudo systemctl restart bluetooth`",
    )


def incomplete(name: str, lacking: str) -> ControllerLost:
    """The adapter has come back with less than it had, and stayed so."""
    return ControllerLost(
        f"bluetoothd has {name} without its {lacking}: start it again with"
        " `sudo systemctl restart bluetooth`, then open the adapter again."
    )


def daemon_gone() -> ControllerLost:
    """bluetoothd has ended and has not come back."""
    return ControllerLost(
        "bluetoothd has ended and not come back: start it with `sudo systemctl start bluetooth`,"
        " then open the adapter again."
    )


def bus_gone() -> ControllerLost:
    """The connection to D-Bus has ended."""
    return ControllerLost(
        "The connection to the system's D-Bus has ended: see `systemctl status dbus`, then open"
        " the adapter again."
    )


def unplugged(name: str) -> ControllerLost:
    """The adapter has left BlueZ."""
    return ControllerLost(
        f"The adapter {name} is gone, unplugged or taken by another program: plug it in, see"
        " `bluetoothctl list`, then open the adapter again."
    )


def blocked_by_rfkill(name: str, folder: Path = RFKILL) -> str | None:
    """Return "soft" or "hard" if the kernel's switch keeps the adapter off, None if not."""
    for switch in sorted(folder.glob("*")):
        try:
            texts = [(switch / each).read_text().strip() for each in ("type", "name")]
            soft, hard = [(switch / each).read_text().strip() for each in ("soft", "hard")]
        except OSError:
            continue
        if texts == ["bluetooth", name]:
            return "hard" if hard == "1" else "soft" if soft == "1" else None
    return None
