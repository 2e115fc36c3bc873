"""The options of commands that talk to a device, and how one is run with them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from bleio.cli.devices.connecting import Device, connected
from bleio.cli.devices.target import Target, take_target
from bleio.cli.shared.adapters import chosen_adapter
from bleio.cli.shared.options import adapter_option, pairing_option
from bleio.cli.shared.times import Duration

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Wanted:
    """Which device, over which adapter, how secured."""

    target: Target
    adapter: str | None
    pairing: str | None
    pair: bool
    timeout_s: float


def device_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ADDRESS|NAME, --adapter, --pair, --pairing and --timeout, given as one `wanted`."""

    def run(
        device: Target,
        adapter: str | None,
        pairing: str | None,
        pair: bool,
        timeout: float,
        **options: Any,
    ) -> Any:
        wanted = Wanted(device, adapter, pairing, pair or pairing is not None, timeout)
        return command(wanted, **options)

    run.__doc__ = command.__doc__
    run.__name__ = command.__name__
    run.__dict__.update(command.__dict__)
    run_with: Callable[..., Any] = run
    for option in (
        click.option(
            "--timeout",
            type=Duration(),
            default="10s",
            show_default=True,
            metavar="TIME",
            help="For finding the device and connecting to it, such as 10s or 1min.",
        ),
        click.option(
            "--pair", is_flag=True, help="Encrypt the link first, and pair if need be; bonds stay."
        ),
        pairing_option,
        adapter_option,
    ):
        run_with = option(run_with)
    return click.argument("device", metavar="ADDRESS|NAME", callback=take_target)(run_with)


@asynccontextmanager
async def device_of(wanted: Wanted) -> AsyncIterator[Device]:
    """Find the device and have a link to it; decoders of values are loaded meanwhile."""
    from bleio.values import load

    loading = threading.Thread(target=load, name="bleio-values", daemon=True)
    loading.start()
    try:
        adapter = chosen_adapter(wanted.adapter, wanted.pairing)
        async with connected(
            adapter, wanted.target, timeout_s=wanted.timeout_s, pair=wanted.pair
        ) as device:
            yield device
    finally:
        loading.join()  # Python that ends within an import of a module in C may abort
