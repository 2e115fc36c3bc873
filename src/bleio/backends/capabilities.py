"""What backends can do and cannot, and how a program is told.

A controller that speaks HCI can do nearly everything that programs ask for. An operating system
keeps parts of its Bluetooth to itself: it pairs as its user wants, picks addresses and intervals,
and shows advertising data taken apart. The difference is not hidden, since half of it would come
out as programs that misbehave without a word. Each backend names its `capabilities`; the session
looks there before it calls the backend, and what is missing is NotImplementedError with one
sentence: which platform, what it cannot do, and what can. A program that does not use a capability
never hears of it.

What each platform can at its best is a table here, `PLATFORMS`. A backend takes its row of it, less
what it finds missing when it opens: an old version, a service that was not started with what it
takes. The sentences look there for what else can, and the documentation has it as a table of
members and platforms (`tools/capability_table.py`), so that the three say the same.

Security settings are capabilities too. A setting that a program has changed and that the backend
cannot honour is refused. A default that it cannot honour is told once, because no program has asked
for it, and refusing would leave the backend without any use: at INFO when it opens, as a warning
when the program asks for security, by pairing, a delegate, or values that are not open to all.

The conformance suite skips by the same names and by nothing else, so a backend that claims too
much fails there, and one that claims too little is seen by its skips.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import Enum
from typing import NamedTuple

from bleio.core.pairing import SecuritySettings


class Capability(Enum):
    """One thing that some backends cannot do; its value completes the sentence "NAME cannot ...".

    EXTENDED_ADVERTISING and TRANSMIT_POWER are not asked for by the session. How much is possible
    is known to the backend alone, which refuses too much with InvalidParameter. A transmit power is
    a wish: a backend that cannot choose advertises all the same, and logs that it could not.
    Without RAW_ADVERTISING a system makes the octets of fields: each field that is advertised is in
    one of the two packets, and what the system cannot say the backend refuses.
    Without PEER_ADDRESSES an address stands for a device, on this computer alone.
    """

    # Advertising and scanning
    PERIPHERAL = "advertise and serve clients"
    RAW_ADVERTISING = "send and report advertising data octet for octet"
    SCAN_RESPONSES = "report scan responses apart from advertising data"
    EXTENDED_ADVERTISING = "send or hear more than 31 octets of advertising data"
    NON_CONNECTABLE_ADVERTISING = "advertise without letting others connect"
    DIRECTED_ADVERTISING = "advertise to one device alone"
    ANONYMOUS_ADVERTISING = "advertise without its identity"
    ADVERTISING_INTERVAL = "choose its advertising interval"
    TRANSMIT_POWER = "choose its transmit power"
    PASSIVE_SCANNING = "scan without asking for scan responses"
    SCAN_TIMING = "choose scan interval and window"
    PEER_ADDRESSES = "tell the addresses of devices"

    # Links
    CONNECTION_INTERVAL = "tell or change a connection interval"
    OWN_ADDRESS = "tell its own address"
    SETTABLE_ADDRESS = "take an address that the program chooses"
    HANDLES = "tell attribute handles"
    SERVICE_CHANGED = "pass on what a bonded peer says of its services when a link begins"
    SUBSCRIBERS = "tell which client has subscribed, or send a value to one client alone"

    # Security
    PAIRING = "pair when the program asks for it"
    PAIRING_ON_REQUEST = "leave a value refused until the program pairs"
    PAIRING_AFRESH = "pair afresh with a device that has lost its keys"
    KEY_STRENGTH = "tell how strong a link's keys are"
    PAIRING_DELEGATE = "let the program answer in pairing"
    OUT_OF_BAND = "pair with out-of-band data"
    ERASABLE_BONDS = "forget its bonds when the program asks for it"
    SECURE_CONNECTIONS_ONLY = "refuse LE legacy pairing (secure_connections_only)"
    MIN_KEY_OCTETS = "demand a length of encryption keys (min_key_octets)"
    PAIRING_METHOD = "insist on one pairing method (method)"
    DEBUG_KEYS = "accept debug keys (debug_keys)"
    PRIVATE_ADDRESS = "decide on private addresses (private_address, rotation_s)"
    FAIL_CLOSED = "hold back values that have passed encrypted (fail_closed)"

    def refusal(self, platform: str) -> str:
        """Return the sentence for a program that asks for it in vain.

        Args: platform: what sentences about limits call the adapter, see `Backend.platform`.
        """
        return f"{platform} cannot {self.value}; {_way_out(self, platform)}"


Capabilities = Set[Capability]
EVERYTHING: frozenset[Capability] = frozenset(Capability)


class Platform(NamedTuple):
    """What one kind of adapter can do at its best.

    `name`: how its `Backend.platform` begins. `takes`: for some of what it can, what it takes that
    is not there everywhere. `instead`: for some of what it cannot, what a program or its user does
    on that platform in place of it; both complete sentences.
    """

    name: str
    can: frozenset[Capability]
    takes: Mapping[Capability, str] = {}
    instead: Mapping[Capability, str] = {}


HCI = Platform(
    "hci",
    EVERYTHING,
    takes={Capability.EXTENDED_ADVERTISING: "a controller of Bluetooth 5"},
)
BLUEZ = Platform(
    "BlueZ",
    frozenset(
        {
            Capability.PERIPHERAL,
            Capability.EXTENDED_ADVERTISING,
            Capability.NON_CONNECTABLE_ADVERTISING,
            Capability.ADVERTISING_INTERVAL,
            Capability.TRANSMIT_POWER,
            Capability.PASSIVE_SCANNING,
            Capability.PEER_ADDRESSES,
            Capability.OWN_ADDRESS,
            Capability.HANDLES,
            Capability.SUBSCRIBERS,
            Capability.PAIRING,
            Capability.PAIRING_DELEGATE,
            Capability.ERASABLE_BONDS,
        }
    ),
    takes={
        Capability.EXTENDED_ADVERTISING: "a controller of Bluetooth 5 and BlueZ 5.78",
        Capability.ADVERTISING_INTERVAL: "bluetoothd started with --experimental, or a newer one",
        Capability.TRANSMIT_POWER: "bluetoothd started with --experimental, or a newer one",
        Capability.PASSIVE_SCANNING: "bluetoothd started with --experimental",
        Capability.SUBSCRIBERS: "BlueZ 5.69 on a bus that passes file descriptors",
    },
    instead={
        Capability.PAIRING_AFRESH: "forget its keys with erase_bonding(), and connect again",
    },
)
WINDOWS = Platform(
    "Windows",
    frozenset(
        {
            Capability.SCAN_RESPONSES,
            Capability.EXTENDED_ADVERTISING,
            Capability.PASSIVE_SCANNING,
            Capability.PEER_ADDRESSES,
            Capability.HANDLES,
            Capability.PAIRING,
        }
    ),
    takes={Capability.EXTENDED_ADVERTISING: "a controller of Bluetooth 5"},
    instead={Capability.ERASABLE_BONDS: "remove the device in Windows' Bluetooth settings"},
)
MACOS = Platform(
    "macOS",
    frozenset(),
    instead={
        Capability.PEER_ADDRESSES: "one is made up for each device, the same on this computer",
        Capability.PAIRING: "use a value that needs it, and macOS asks its user by itself",
        Capability.ERASABLE_BONDS: "forget the device in macOS' Bluetooth settings",
    },
)
ESPHOME = Platform(
    "ESPHome",
    frozenset(
        {
            Capability.RAW_ADVERTISING,
            Capability.PASSIVE_SCANNING,
            Capability.PEER_ADDRESSES,
            Capability.HANDLES,
            Capability.PAIRING,
        }
    ),
    takes={
        Capability.PASSIVE_SCANNING: "ESPHome 2025.5 on each proxy",
        Capability.PAIRING: "ESPHome 2024.3 on each proxy",
    },
)
PLATFORMS = (HCI, BLUEZ, WINDOWS, MACOS, ESPHOME)

OWN_CONTROLLER_CAN = '"hci:usb:0" can, with a Bluetooth dongle (BLEIO_ADAPTER=hci:usb:0)'
"""The end of sentences on what a system cannot do."""


def _way_out(capability: Capability, platform: str) -> str:
    """Return what to do where `platform` does not have the capability."""
    own = next((each for each in PLATFORMS if platform.startswith(each.name)), None)
    if own is not None and capability in own.instead:
        return own.instead[capability]
    if own is not None and capability in own.takes:
        return f"{own.takes[capability]} can, and {OWN_CONTROLLER_CAN}"
    if own is not BLUEZ and capability in BLUEZ.can:
        return f'{OWN_CONTROLLER_CAN}, and so can "os" on Linux'
    return OWN_CONTROLLER_CAN


SETTINGS: dict[str, Capability] = {
    "secure_connections_only": Capability.SECURE_CONNECTIONS_ONLY,
    "min_key_octets": Capability.MIN_KEY_OCTETS,
    "method": Capability.PAIRING_METHOD,
    "debug_keys": Capability.DEBUG_KEYS,
    "private_address": Capability.PRIVATE_ADDRESS,
    "rotation_s": Capability.PRIVATE_ADDRESS,
    "fail_closed": Capability.FAIL_CLOSED,
}
"""Which capability honours which field of SecuritySettings; a test holds that none is left out."""

# What the defaults of SecuritySettings promise to programs that never touch them. The other
# defaults ask for nothing.
_PROMISES = (Capability.MIN_KEY_OCTETS, Capability.FAIL_CLOSED)


def require(platform: str, capabilities: Capabilities, *needed: Capability) -> None:
    """Check that a backend can do what a program asks for.

    Raises: NotImplementedError with a sentence, for the first that is missing.
    """
    for capability in needed:
        if capability not in capabilities:
            raise NotImplementedError(capability.refusal(platform))


def require_settings(platform: str, capabilities: Capabilities, settings: SecuritySettings) -> None:
    """Check that a backend honours every setting that differs from its default.

    Raises: NotImplementedError with a sentence, for the first that it would ignore.
    """
    default = SecuritySettings()
    for name, capability in SETTINGS.items():
        if getattr(settings, name) != getattr(default, name):
            require(platform, capabilities, capability)


def broken_promises(
    platform: str, capabilities: Capabilities, settings: SecuritySettings
) -> list[str]:
    """Return a sentence for each default of the settings that a backend cannot honour.

    They are for the log, once for each opening; a setting that was changed is not among them.
    """
    default = SecuritySettings()
    return [
        capability.refusal(platform)
        for name, capability in SETTINGS.items()
        if capability in _PROMISES
        and capability not in capabilities
        and getattr(settings, name) == getattr(default, name)
    ]
