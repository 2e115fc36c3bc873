"""What a program tried when an error came, in words, for the note of the exception.

All that a program asks of the engine is a call of one function with its arguments (`calls`), most
of them methods of the contract (`backends.base`) and steps of the session. So what was tried can be
told from the call itself, after the fact, and nothing needs to be kept for it while all goes well.
A call that has no row here has no words.

Loaded when an error is told, never before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bleio.core.uuid import to_text
from bleio.gatt.model import RemoteDescriptor
from bleio.names import uuid_name

Words = Callable[..., str]


def words_of(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[str, str]:
    """Return such as `reading characteristic 0x2a19 at handle 0x0012`, `of c0:.../random`.

    The first is empty if there are no words for it, the second if it concerns no peer.
    """
    if function.__name__ in _THROUGH and len(args) > 1:
        function, args = args[1], args[2:]
    make = _WORDS.get(function.__name__)
    if make is None:
        return "", ""
    peer = getattr(getattr(function, "__self__", None), "peer", None)
    return make(*args), "" if peer is None else f"{_PREPOSITIONS[make]} {peer}"


def value_words(value: Any) -> str:
    """Return which attribute it is, by UUID and handle; a local one may have no handle yet."""
    kind = "descriptor" if isinstance(value, RemoteDescriptor) else "characteristic"
    at = f" at handle 0x{value.handle:04x}" if value.handle else ""
    return f"{kind} {uuid_words(value.uuid)}{at}"


def uuid_words(uuid: bytes) -> str:
    """Return a UUID by its assigned name, if it has one, and as programs write it."""
    text = to_text(uuid) if len(uuid) == 16 else f"0x{to_text(uuid)}"
    name = uuid_name(uuid)
    return text if name is None else f"{name} ({text})"


def _read(value: Any) -> str:
    return f"reading {value_words(value)}"


def _write(value: Any, octets: bytes) -> str:
    return f"writing {len(octets)} octets to {value_words(value)}"


def _write_command(value: Any, octets: bytes, signed: bool = False) -> str:
    return f"{_write(value, octets)} without response"


def _subscribe(value: Any, notify: bool, indicate: bool) -> str:
    what = "subscribing to" if notify or indicate else "unsubscribing from"
    return f"{what} {value_words(value)}"


def _pair() -> str:
    return "pairing"


def _discover(uuids: Any) -> str:
    if uuids is None:
        return "discovering all services"
    return f"discovering the services {', '.join(map(uuid_words, uuids))}"


def _set_interval(interval_us: int) -> str:
    return f"asking for a connection interval of {interval_us / 1000:g} ms"


def _connect(address: Any, timeout_s: float) -> str:
    within = f" within {timeout_s:g} s" if timeout_s else ""
    return f"connecting to {address}{within}"


def _publish(value: Any, octets: bytes) -> str:
    return f"setting the value of the local {value_words(value)} and telling its subscribers"


def _add_service(service: Any) -> str:
    return f"publishing the service {uuid_words(service.uuid)}"


def _add_characteristic(service: Any, value: Any) -> str:
    return f"publishing the characteristic {uuid_words(value.uuid)}"


def _add_descriptor(characteristic: Any, value: Any) -> str:
    return f"publishing the descriptor {uuid_words(value.uuid)}"


def _scan(*args: Any) -> str:
    return "starting a scan"


def _advertise(*args: Any) -> str:
    return "starting to advertise"


def _stop_scan(*args: Any) -> str:
    return "ending a scan"


def _stop_advertising(*args: Any) -> str:
    return "ending advertising"


def _set_address(address: Any) -> str:
    return f"taking the address {address}"


def _erase(*args: Any) -> str:
    return "erasing the bonds"


# Those that call another function, which is their second argument, on an open adapter.
_THROUGH = frozenset({"use", "use_on_or_off"})

_WORDS: dict[str, Words] = {
    "read": _read,
    "write": _write,
    "write_command": _write_command,
    "subscribe": _subscribe,
    "pair": _pair,
    "discover": _discover,
    "set_interval": _set_interval,
    "publish": _publish,
    "add_service": _add_service,
    "add_characteristic": _add_characteristic,
    "add_descriptor": _add_descriptor,
    "_connect": _connect,
    "_start_scan": _scan,
    "_stop_scan": _stop_scan,
    "_start_advertising": _advertise,
    "_stop_advertising": _stop_advertising,
    "_change_address": _set_address,
    "_erase_bonds": _erase,
}
# How a link's peer is joined to what was tried with it.
_PREPOSITIONS: dict[Words, str] = {
    _read: "of",
    _write: "of",
    _write_command: "of",
    _subscribe: "of",
    _pair: "with",
    _discover: "of",
    _set_interval: "of",
}
