"""What to do where `bleio capture` cannot listen: another command, which can be typed."""

from __future__ import annotations

import shlex
import sys

from bleio.cli.shared.exits import Exit, Failure


def refuse(adapter: str, file: str | None) -> Failure:
    """Return the error for an adapter that is no shared simulated radio."""
    kind, _, _ = adapter.partition(":")
    wanted = "FILE" if file in (None, "-") else shlex.quote(str(file))
    own = f"bleio run --adapter {shlex.quote(adapter)} --capture {wanted} PROGRAM"
    if kind == "virtual":
        return Failure(
            "The radio of 'virtual' is its program's own, and nobody else hears it. Let the"
            " programs share one, such as BLEIO_ADAPTER=virtual:desk, and record that:\n"
            f"  bleio capture --adapter virtual:desk {wanted}\n"
            f"or what one program and its controller say:\n  {own}",
            Exit.NO_ADAPTER,
        )
    if kind == "hci":
        return Failure(
            f"The air around {adapter} cannot be recorded: a controller tells its host only what"
            " is for that host. What a program and this controller say is recorded with it:\n"
            f"  {own}",
            Exit.NO_ADAPTER,
        )
    if kind == "esphome":
        return Failure(
            f"The air around {adapter} cannot be recorded: proxies pass on advertisements and"
            " values, no packets. A simulated radio can be recorded:\n"
            f"  bleio capture --adapter virtual:desk {wanted}",
            Exit.NO_ADAPTER,
        )
    return _of_system(adapter, wanted)


def _of_system(adapter: str, wanted: str) -> Failure:
    how = {
        "linux": f"On Linux btmon records what the kernel and its controllers say:\n"
        f"  sudo btmon -w {wanted}\nand bleio decode reads that.",
        "darwin": "On macOS that is PacketLogger, of Apple's Additional Tools for Xcode.",
    }.get(sys.platform, "On Windows that is Microsoft's btvs, of the Bluetooth Test Platform.")
    chosen = "the operating system's Bluetooth" if adapter in ("auto", "os") else adapter
    return Failure(
        f"What {chosen} says is the operating system's to record. {how}\n"
        "A simulated radio that programs share is recorded by:\n"
        "  bleio capture --adapter virtual:desk FILE",
        Exit.NO_ADAPTER,
    )
