"""The variables of the environment that decide, and those that look as if they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from bleio.cli.diagnosis.findings import NOTE, OK, PROBLEM, Finding
from bleio.cli.diagnosis.hidden import Hider
from bleio.errors import CallerError
from bleio.runtime import identity, policy
from bleio.runtime.selection import backend_for

SETTINGS = {
    "BLEIO_ADAPTER": "the adapter",
    "BLEIO_ADDRESS": "the own address on a simulated radio",
    "BLEIO_BLEAK": "1: bleak's programs run on the adapters here",
    "BLEIO_CAPTURE": "a file for what is said to the controller",
    "BLEIO_CAPTURE_KEYS": "writes keys into it",
    "BLEIO_ESPHOME_KEY": "the key of ESPHome's proxies",
    "BLEIO_HINTS": "0: no hints",
    "BLEIO_PAIRING": "what answers in pairing",
    "BLEIO_PRECEDENCE": "0: another distribution's _bleio",
    "BLEIO_SECURITY": "what pairing must be",
    "BLEIO_STATE_DIR": "the folder for bonds",
    "CIRCUITPY_BLE_NAME": "the adapter's name",
}
# They are others', and decide where radios and buses are, and which modules are found.
OTHERS = ("DBUS_SYSTEM_BUS_ADDRESS", "PYTHONPATH", "PYTHONSAFEPATH", "XDG_RUNTIME_DIR", "TMPDIR")


def look_at_settings(environment: Mapping[str, str], hider: Hider) -> list[Finding]:
    """Return the variables that are set, without secrets, and what is wrong with them."""
    found = list(_own(environment, hider))
    for name in OTHERS:
        if value := environment.get(name):
            found.append(Finding(OK, f"{name}={hider.text(value)}"))
    if "BLEIO_ADAPTER" not in environment:
        found.insert(0, Finding(OK, "BLEIO_ADAPTER is not set: auto"))
    return found


def _own(environment: Mapping[str, str], hider: Hider) -> Iterator[Finding]:
    for name, value in sorted(environment.items()):
        if name not in SETTINGS and not name.startswith("BLEIO_"):
            continue
        shown = f"{name}={hider.setting(name, value, SETTINGS)}"
        if name not in SETTINGS:
            near = get_close_matches(name, SETTINGS, n=1, cutoff=0.7)
            to_do = [f"Did you mean {near[0]}?"] if near else []
            yield Finding(NOTE, f"{shown}, which is no setting of bleio's", to_do)
        elif wrong := _wrong(name, value):
            yield Finding(PROBLEM, shown, [wrong])
        else:
            yield Finding(OK, shown)


def _wrong(name: str, value: str) -> str:
    """Return what is wrong with a setting, in a sentence; "" if nothing is."""
    try:
        if name == "BLEIO_ADAPTER" and value:
            backend_for(value)
        elif name == "BLEIO_ADDRESS":
            identity.configured_address()
        elif name == "BLEIO_SECURITY":
            policy.settings_by_environment()
        elif name == "BLEIO_PAIRING" and value:
            from bleio.api._delegates import delegate_for

            delegate_for(value)
    except CallerError as error:
        return str(error)
    return ""
