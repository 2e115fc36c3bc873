"""Which System there is on this computer, and what is said where there is none.

BlueZ has a package of its own. Windows and macOS need little beside bleak: a central is the same
there but for what `capabilities` says, and there is no peripheral. Both systems let programs
advertise, but not as a board does: macOS takes a name and UUIDs only, Windows adds what it likes,
neither asks the program in pairing. A dongle does all of it on the same computer.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from bleio.backends.capabilities import MACOS, WINDOWS, Platform
from bleio.backends.os.scanning import ending
from bleio.backends.os.system import System, SystemOwner
from bleio.core.address import DeviceAddress
from bleio.errors import CallerError, ControllerLost

NO_ADDRESS = DeviceAddress(bytes(6))
_OPEN_S = 60.0  # macOS asks its user at the first time


def this_system(adapter: str | None = None, state: Path | None = None) -> System:
    """Return this platform's Bluetooth.

    Args: adapter: which one, such as `hci0`; None: its own choice. `state`: the folder for
        what programs of this user leave each other; None: nothing.

    Raises: CallerError where adapters cannot be chosen; ControllerLost on a platform that bleak
        does not know.
    """
    if sys.platform == "linux":
        from bleio.backends.os.bluez.system import BlueZ

        return BlueZ(adapter, state / "links" if state is not None else None)
    known = {"win32": WINDOWS, "darwin": MACOS}.get(sys.platform)
    if known is None:
        raise ControllerLost(
            f"The operating system's Bluetooth cannot be used on {sys.platform}; use a Bluetooth"
            " dongle: BLEIO_ADAPTER=hci:usb:0."
        )
    if adapter is not None:
        raise CallerError(
            f"There is no adapter 'os:{adapter}': {known.name} shows programs one adapter, which is"
            " os (BLEIO_ADAPTER=os); hci:usb:0 is a further one, with a Bluetooth dongle"
        )
    return Desktop(known)


class Desktop(System):
    """Windows' or macOS' Bluetooth: a central by bleak.

    It has no address, as macOS shows none, and bleak asks Windows for none. Whether it can be used
    is known by a short scan, the only question that bleak answers in the same way on both.
    """

    name = "os"

    def __init__(self, platform: Platform) -> None:
        self.platform = platform.name
        self.capabilities = platform.can
        self.finds_by_scan, self.needs_scan = True, platform is MACOS
        self.chooses_indications = platform is WINDOWS

    async def open(self, owner: SystemOwner) -> DeviceAddress:
        from bleak import BleakScanner
        from bleak.exc import BleakError

        scanner = BleakScanner(**self.scanner_arguments())
        try:
            await asyncio.wait_for(ending.begin(scanner), _OPEN_S)
            await ending.end(scanner)
        except (asyncio.TimeoutError, TimeoutError):
            raise ControllerLost(
                f"{self.platform} did not answer in {_OPEN_S:.0f} s whether this program may use"
                " Bluetooth; see whether it asks its user."
            ) from None
        except (BleakError, OSError) as error:
            raise ControllerLost(self._sentence(error)) from None
        return NO_ADDRESS

    async def close(self) -> None:
        """Nothing is held beside links and scans, which are closed by now."""

    def _sentence(self, error: Exception) -> str:
        """Say what bleak says, and what to do about it."""
        from bleak import exc

        reason: Any = getattr(error, "reason", None)
        said = str(error.args[0] if error.args else error).rstrip(".")
        to_do = {
            exc.BleakBluetoothNotAvailableReason.POWERED_OFF: "switch Bluetooth on",
            exc.BleakBluetoothNotAvailableReason.DENIED_BY_USER: "allow it in the system's privacy"
            " settings, for the terminal or editor that runs the program",
            exc.BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "plug a Bluetooth dongle in",
        }.get(reason, "look into the system's Bluetooth settings")
        return f"{self.platform}'s Bluetooth cannot be used: {said}; {to_do}."
