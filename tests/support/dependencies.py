"""The rules of what may import what and how large things may be, checked on the syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from support.source import Graph, circles, class_sizes, imports

# What each part of the package may import of the others, besides itself.
ALLOWED: dict[str, set[str]] = {
    "__init__": {"dropin", "api", "bleak_choice"},  # api once `counters` is called; see test_dropin
    "__main__": {"cli"},
    "core": set(),
    "ownership": set(),
    "files": {"ownership"},
    "locks": {"files"},
    "advice": {"core"},
    "errors": {"core", "advice"},
    "att": {"core", "errors"},
    "gatt": {"core", "errors", "att"},
    "radio": {"core", "errors"},
    "radio.sharing": {"core", "errors", "files", "locks", "ownership", "radio"},
    "backends": {"core", "errors", "att", "gatt"},
    "backends.hci": {
        *("core", "errors", "ownership", "files", "locks", "att", "gatt", "backends"),
    },
    # Programs on real controllers load nothing of the simulated radio.
    "backends.hci.controller.virtual": {"core", "errors", "backends", "radio"},
    "backends.os": {"core", "errors", "att", "gatt", "backends"},
    # Programs leave each other lists of their links.
    "backends.os.bluez.live_links": {"files", "locks", "ownership"},
    # Keys of proxies are read from a file of the user's.
    "backends.os.esphome": {"core", "errors", "files", "att", "gatt", "backends"},
    "names": {"core"},
    "decoding": {"core", "errors", "att", "names"},
    "pages": {"decoding"},
    "values": {"core", "decoding"},
    "runtime": {"core", "errors", "att", "gatt", "backends"},
    "runtime.attempts": {"core", "gatt", "names", "decoding"},
    "api": {"core", "errors", "att", "gatt", "backends", "runtime"},
    "aio": {"core", "errors", "gatt", "backends", "runtime", "api"},
    "bleak_choice": {"bleak", "runtime"},
    "bleak": {"core", "errors", "runtime", "api", "aio"},
    "dropin": {"api", "errors"},
    "board": set(),
    "testing": {
        *("board", "core", "errors", "files", "locks", "att", "gatt", "radio", "backends"),
        *("decoding", "runtime", "api", "bleak_choice", "pages"),
    },
    # What needs worlds is apart: greenlet is not everywhere.
    "web": {"core", "errors", "decoding", "pages", "radio"},
    "web.worlds": {"core", "errors", "decoding", "pages", "radio", "testing", "web"},
    # "" is the package itself, which has the finder.
    "cli": {
        *("core", "errors", "advice", "files", "att", "gatt", "radio", "backends", "names"),
        *("decoding", "values", "runtime", "api", "aio", "bleak_choice", "board", "testing", "web"),
        "",
    },
}

# The rooms of the large parts, from top to bottom: each imports only of those below it.
ROOMS: dict[str, tuple[str, ...]] = {
    "radio": (
        *("sharing.server", "sharing", "controller", "layer", "host"),
        *("advertising", "connection", "capture", "air"),
    ),
    "backends.hci": (
        *("backend", "parts", "capture", "links", "gap", "security", "security.smp"),
        *("own_device", "bonds", "controller", "counters", "background", "entropy"),
    ),
    "testing": (
        *("plugin", "report", "seeds", "hunt", "campaigns", "world", "failures", "results"),
        *("faults", "roster", "device", "air", "programs", "timing", "frames", "errors", "naming"),
    ),
    "testing.campaigns": (
        *("campaign", "running", "progress", "cluster", "executors", "frame", "plot", "table"),
        *("results", "summary", "worlds", "scenario", "used", "plan", "errors"),
    ),
    # The bus and the objects on it are beneath what speaks to BlueZ there.
    "backends.os": (
        *("automatic", "finding", "backend", "platforms", "esphome", "bluez", "scanning", "links"),
        *("bluez.objects", "bluez.bus", "bluez.connection", "system"),
    ),
}

# Where each distribution that bleio depends on may be used.
THIRD_PARTY: dict[str, tuple[str, ...]] = {
    "aioesphomeapi": ("backends.os.esphome",),
    "async_timeout": ("backends.time_limit", "bleak.client"),  # on Python 3.10
    "bleak": ("backends.os", "bleak", "names"),
    "bleak_esphome": ("backends.os.esphome",),
    "bluetooth_numbers": ("names",),
    "bluetooth_sig": ("values.specified",),
    "bumble": ("backends.hci", "decoding.hci.tables", "names"),
    "click": ("__main__", "cli"),
    "cryptography": (
        "core.private_address",
        "gatt.hash",
        "radio.connection.cipher",
        "backends.hci",
    ),
    "dbus_fast": ("backends.os",),
    "distributed": ("testing.campaigns.cluster",),  # dask, which schedules
    "google": ("backends.os.esphome",),  # protobuf, of which aioesphomeapi's messages are
    "greenlet": ("testing.timing.hub",),
    "hypothesis": ("cli.hunt", "testing.faults.strategies", "testing.hunt.thinking"),
    "habluetooth": ("backends.os.esphome",),
    "matplotlib": ("testing.campaigns.plot",),
    "pandas": ("testing.campaigns",),
    "platformdirs": ("radio.sharing", "runtime"),
    "prompt_toolkit": ("cli.exploring",),
    "rich": ("cli",),
    "usb1": ("backends.hci.controller.dongles",),  # which bumble has as a dependency
    "websockets": ("web.server", "web.connections"),
    "_pytest": ("testing.report.heading",),
    "pytest": ("testing.plugin", "testing.report", "testing.seeds"),
}

# The protocol: time, randomness, storage and sending are passed in.
PURE = ("core", "att", "gatt", "radio", "decoding")
# The parts of the radio that tie its model to clocks, sockets and processes.
NOT_PURE = ("radio.sharing",)
IMPURE_MODULES = {
    *("asyncio", "concurrent", "multiprocessing", "os", "queue", "random", "secrets", "select"),
    *("selectors", "signal", "socket", "socketserver", "subprocess", "threading", "time"),
}
LONGEST_MODULE = 400

# A class beyond these, of methods and of attributes, needs a reason; at present none has one.
MOST_METHODS, MOST_ATTRIBUTES = 25, 20
LARGE_CLASSES: dict[str, str] = {}

# Modules that import each other, types included, are read and changed as one: a circle is in one
# folder, and not large.
LARGEST_CIRCLE = 9


def violations(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """List what `module` (such as "bleio.att.server") does against the rules, one text each."""
    tree = ast.parse(source)
    own = module.removeprefix("bleio").removeprefix(".") or "__init__"
    found = [
        f"{module}:{each.line}: {reason}"
        for each in imports(tree, module, is_package)
        if (reason := _objection(own, each.name))
    ]
    found += [f"{module}: {reason}" for reason in _too_large(tree)]
    lines = source.count("\n")
    if lines > LONGEST_MODULE:
        found.append(f"{module}: {lines} lines, more than {LONGEST_MODULE}")
    return found


def _objection(own: str, imported: str) -> str | None:
    top, _, rest = imported.partition(".")
    if top == "bleio":
        return _layer_objection(own, rest)
    if top in THIRD_PARTY:
        fits = _is_within(own, THIRD_PARTY[top])
        return None if fits else f"{top} is not for this part"
    if top not in sys.stdlib_module_names:
        return f"{top} is no dependency of the project"
    if top == "random" and rest == "Random" and _is_within(own, ("radio",)):
        return None  # a generator with a seed
    if top in IMPURE_MODULES and _is_within(own, PURE) and not _is_within(own, NOT_PURE):
        return f"{top} is not for protocol code"
    return None


def _layer_objection(own: str, imported: str) -> str | None:
    if imported == "__version__":
        return None
    layer = _layer(own)
    if not _is_within(imported, (layer, *ALLOWED[layer])):
        return f"{layer} must not import {imported}"
    for part, rooms in ROOMS.items():
        names = tuple(f"{part}.{room}" for room in rooms)
        above, room = _longest(imported, names), _longest(own, names)
        if above and room and names.index(above) < names.index(room):
            return f"{room} must not import {imported}, which is in a room above it"
    return None


def _layer(own: str) -> str:
    found = _longest(own, tuple(ALLOWED))
    assert found is not None
    return found


def _longest(module: str, parts: tuple[str, ...]) -> str | None:
    """Find the longest of the names that the module belongs to."""
    return max((part for part in parts if _is_within(module, (part,))), key=len, default=None)


def _is_within(module: str, parts: tuple[str, ...]) -> bool:
    return any(module == part or module.startswith(part + ".") for part in parts)


def _too_large(tree: ast.Module) -> Iterator[str]:
    """Yield what is to be said of each class that is too large without a reason."""
    for name, methods, attributes in class_sizes(tree):
        if name not in LARGE_CLASSES:
            if methods > MOST_METHODS:
                yield f"{name} has {methods} methods, more than {MOST_METHODS}"
            if attributes > MOST_ATTRIBUTES:
                yield f"{name} has {attributes} attributes, more than {MOST_ATTRIBUTES}"


def circle_violations(graph: Graph, packages: set[str]) -> list[str]:
    """List the circles of imports that are too large or in more than one folder."""
    found = []
    for names in circles(graph):
        folders = {name if name in packages else name.rpartition(".")[0] for name in names}
        if len(folders) > 1 or len(names) > LARGEST_CIRCLE:
            found.append(f"{len(names)} modules in {len(folders)} folders: {', '.join(names)}")
    return found
