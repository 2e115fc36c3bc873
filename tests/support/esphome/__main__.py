"""Runs a simulated proxy on a shared radio: `python -m support.esphome virtual:NAME kitchen`.

It prints where it listens, and ends with Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from support.esphome.server import Proxy


async def _run(options: argparse.Namespace) -> None:
    proxy = Proxy(options.name, options.radio, key=options.key, slots=options.slots)
    await proxy.open(port=options.port)
    try:
        print(f"{options.name} listens on 127.0.0.1:{proxy.port}", flush=True)
        await asyncio.Event().wait()
    finally:
        await proxy.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m support.esphome")
    parser.add_argument("radio", help="an adapter string: virtual:NAME")
    parser.add_argument("name")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", help="in base64; else it speaks in the clear")
    parser.add_argument("--slots", type=int, default=3)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
