"""Which loop a device has, and what it cannot do.

Sockets, pipes and processes are outside of the world: what they say comes at a time that is not
simulated. While a loop waited for them, simulated time would run away, an hour in a moment, and no
run would be like another. So a loop of a world in simulated time refuses them, in one sentence. A
world in real time (`real_time=True`) has them: there simulated time is never ahead of the clock on
the wall, and what comes from outside comes when it comes.

Signals are the process's, not a device's. They are refused in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from bleio.testing.timing.deviceloop import DeviceLoop

_POLL_US = 5_000  # how often a loop in real time looks for sockets

_SOCKETS = (
    *("create_connection", "create_server", "create_datagram_endpoint", "connect_accepted_socket"),
    *("create_unix_connection", "create_unix_server", "start_tls", "sendfile", "getaddrinfo"),
    *("getnameinfo", "sock_recv", "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into"),
    *("sock_sendall", "sock_sendto", "sock_connect", "sock_accept", "sock_sendfile"),
)
_FILES = ("add_reader", "add_writer", "connect_read_pipe", "connect_write_pipe")
_PROCESSES = ("subprocess_exec", "subprocess_shell")
_OUTSIDE = {
    **dict.fromkeys(_SOCKETS, "sockets"),
    **dict.fromkeys(_FILES, "files and sockets of the operating system"),
    **dict.fromkeys(_PROCESSES, "other processes"),
}


class SimulatedLoop(DeviceLoop):
    """A loop of a world whose time goes as fast as it can."""


class RealTimeLoop(DeviceLoop):
    """A loop of a world in real time, which also looks for what comes from outside."""

    _has_processes = False

    def next_timer_us(self) -> int:
        due_us = super().next_timer_us()
        if self._has_processes or self._selector.get_map():  # type: ignore[attr-defined]
            due_us = min(due_us, self._time.now_us + _POLL_US)
        return due_us

    def _run_once(self) -> None:
        selector: Any = self._selector  # type: ignore[attr-defined]
        if selector.get_map():
            self._process_events(selector.select(0))  # type: ignore[attr-defined]
        super()._run_once()

    async def _make_subprocess_transport(self, *args: Any, **more: Any) -> Any:
        self._has_processes = True  # their ends are told by threads of asyncio's
        make: Any = super()._make_subprocess_transport  # type: ignore[misc]
        return await make(*args, **more)


def _refuse_outside(name: str, what: str) -> Callable[..., NoReturn]:
    def refuse(self: DeviceLoop, *args: object, **more: object) -> NoReturn:
        raise NotImplementedError(
            f"{self.device}: loop.{name}() is not there in simulated time, which {what} do not go"
            " by; let the peer be a device of the world, or let the world go by real time:"
            " World(real_time=True), bleio sim --real-time"
        )

    refuse.__name__ = name
    return refuse


def _refuse_signals(self: DeviceLoop, *args: object, **more: object) -> NoReturn:
    raise NotImplementedError(
        f"{self.device}: loop.add_signal_handler() is not there in a world, since signals are the"
        " process's and not a device's; end the device with Device.power_off()"
    )


for _name, _what in _OUTSIDE.items():
    setattr(SimulatedLoop, _name, _refuse_outside(_name, _what))
DeviceLoop.add_signal_handler = _refuse_signals  # type: ignore[method-assign,assignment]
