"""Runs simulated proxies on a shared radio: `python -m support.esphome --radio virtual:NAME`.

Each `--proxy NAME[=KEY]` is one. It prints where each listens, and ends with Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from support.esphome.server import Proxy


async def _run(radio: str, proxies: list[str], slots: int) -> None:
    async with contextlib.AsyncExitStack() as ends:
        for each in proxies:
            name, _, key = each.partition("=")
            proxy = Proxy(name, radio, key=key or None, slots=slots)
            await proxy.open()
            ends.push_async_callback(proxy.close)
            print(f"{name} listens on 127.0.0.1:{proxy.port}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m support.esphome")
    parser.add_argument("--radio", required=True)
    parser.add_argument("--proxy", action="append", required=True)
    parser.add_argument("--slots", type=int, default=3)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(options.radio, options.proxy, options.slots))
    sys.exit(0)


if __name__ == "__main__":
    main()
