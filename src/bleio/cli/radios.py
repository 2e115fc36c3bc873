"""The shared radios that run: `bleio radio` without a name.

They are found and asked by `radio.sharing.running`; here is what is printed of them. Programs on a
radio say themselves what they are, so their names are shown as anybody's text.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from bleio.cli.shared.fields import ADDRESS_TYPES
from bleio.cli.shared.output import new_table, print_json, print_line, print_table, shown
from bleio.core.address import DeviceAddress, parse_address
from bleio.radio.sharing.running import RunningRadio, running_radios

NONE = (
    "No shared radio runs. The first program with BLEIO_ADAPTER=virtual:desk starts one of that"
    " name; `bleio radio desk` runs one in the foreground."
)


def list_radios(as_json: bool) -> None:
    """Print the radios of this user and the programs on them. Raises: OSError."""
    found = running_radios()
    if as_json:
        print_json({"radios": [radio_fields(each) for each in found]})
        return
    for number, each in enumerate(found):
        if number:
            print_line()
        _print_radio(each)
    if not found:
        print_line(NONE)


def radio_fields(radio: RunningRadio) -> dict[str, Any]:
    """Return what there is to say of a radio, for JSON."""
    fields: dict[str, Any] = {
        "name": radio.name,
        "adapter": f"virtual:{radio.name}",
        "pid": radio.pid,
        "answers": radio.status is not None,
    }
    if (status := radio.status) is not None:
        since_s = float(status.get("since_s", 0))
        fields |= {
            "since": datetime.fromtimestamp(since_s, timezone.utc).isoformat(timespec="seconds"),
            "running_s": round(max(0.0, time.time() - since_s), 1),
            "background": bool(status.get("background")),
            "listening": [str(each) for each in status.get("listening", ())],
            "hosts": int(status.get("hosts", 0)),
            "devices": [_device_fields(each) for each in status.get("devices", ())],
        }
    return fields


def _device_fields(device: dict[str, Any]) -> dict[str, Any]:
    return {
        **_address_fields(device),
        "program": str(device["program"]),
        "pid": int(device["pid"]) or None,
        "came_by": str(device["came_by"]),
        **{each: bool(device[each]) for each in ("advertising", "scanning", "connecting")},
        "links": [_address_fields(each) for each in device["links"]],
    }


def _address_fields(told: dict[str, Any]) -> dict[str, str]:
    address = DeviceAddress(parse_address(str(told["address"])), bool(told["random"]))
    return {"address": str(told["address"]), "address_type": ADDRESS_TYPES[int(address.type)]}


def _print_radio(radio: RunningRadio) -> None:
    fields = radio_fields(radio)
    process = f"process {radio.pid or 'unknown'}"
    if not fields["answers"]:
        print_line(f"{radio.name}  {process} does not answer; end it to free the name")
        return
    since = datetime.fromisoformat(fields["since"]).astimezone()
    where = "in the background" if fields["background"] else "in the foreground"
    running = _duration(fields["running_s"])
    print_line(f"{radio.name}  since {since:%Y-%m-%d %H:%M:%S} ({running}), {process}, {where}")
    for address in fields["listening"]:
        print_line(f"listens on {shown(address, 200)}")
    if devices := fields["devices"]:
        table = new_table("ADDRESS", "PROGRAM", "PROCESS", "DOES")
        for each in devices:
            table.add_row(*map(_plain, _row(each)))
        print_table(table)
        if (more := fields["hosts"] - len(devices)) > 0:
            print_line(f"and {more} more")
    else:
        print_line("nobody is on it")
    print_line(f"join it with BLEIO_ADAPTER={fields['adapter']}")


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text, overflow="fold")


def _row(device: dict[str, Any]) -> tuple[str, str, str, str]:
    doing = [each for each in ("advertising", "scanning", "connecting") if device[each]]
    if count := len(device["links"]):
        peers = ", ".join(each["address"] for each in device["links"][:3])
        peers += ", ..." if count > 3 else ""
        doing.append(f"{count} link{'s' * (count > 1)} ({peers})")
    program = shown(device["program"], 40) or f"by {shown(device['came_by'], 60)}"
    return (
        device["address"],
        program,
        str(device["pid"] or "-"),
        ", ".join(doing) or "idle",
    )


def _duration(seconds: float) -> str:
    """Return such as `12 s`, `3 min` or `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{minutes} min" if minutes < 60 else f"{hours} h {minutes % 60} min"
