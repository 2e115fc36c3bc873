"""Runs a simulated radio in real time, on the clock of an asyncio loop.

The radio stands still between its events. Before anything from outside reaches it, a packet of a
host for instance, `catch_up` lets everything happen that is due by then: were the packet delivered
first, it would come to a device that does not know yet what happened a millisecond ago, and its own
answer would carry a time in the past. So all that touches a controller goes through here.

One timer waits for the radio's next event. Simulated time is the loop's time less a constant, so
lateness of single timers never adds up. Only a stop of the whole process longer than
`MAX_BEHIND_US` (a debugger, SIGSTOP, a machine far too slow) moves the constant: to simulate
minutes in which no host ran would keep every host waiting still longer.
"""

from __future__ import annotations

import asyncio
import logging

from bleio.radio.air.radio import Radio
from bleio.radio.controller import Controller

BEHIND_US = 100_000  # more than a busy machine's normal lateness
MAX_BEHIND_US = 2_000_000

_log = logging.getLogger(__name__)


class Driver:
    """Ties a radio to the running loop.

    `times_behind` counts events that came more than 100 ms late; `skipped_us` is the time that was
    never simulated. The first of each is logged.
    """

    def __init__(self, radio: Radio) -> None:
        self.radio = radio
        self.times_behind = 0
        self.skipped_us = 0
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time() - radio.now_us / 1e6
        self._timer: asyncio.TimerHandle | None = None
        self._timer_us: int | None = None
        self._closed = False
        radio.clock.set_alarm(self)
        self.due_earlier()

    def deliver(self, controller: Controller, packet: bytes) -> None:
        """Hand a controller a packet of its host, at the present time."""
        self.catch_up()
        controller.receive(packet)

    def set_congested(self, controller: Controller, congested: bool) -> None:
        """Tell a controller whether its host keeps up."""
        self.catch_up()
        controller.congested = congested

    def detach(self, controller: Controller) -> None:
        """The controller's host has gone."""
        self.catch_up()
        controller.detach()

    def catch_up(self) -> None:
        """Let everything happen that is due by now."""
        due_us = self.radio.next_event_us()
        now_us = int((self._loop.time() - self._start_s) * 1e6)
        if due_us is not None and now_us - due_us > BEHIND_US:
            now_us = self._note_behind(now_us, due_us)
        try:
            self.radio.run_until(now_us)
        finally:
            self.due_earlier()

    def close(self) -> None:
        """Stop the radio's time for good."""
        self._closed = True
        self.radio.clock.clear_alarm()
        self._disarm()

    def _note_behind(self, now_us: int, due_us: int) -> int:
        """Count it. Returns: until when to simulate."""
        behind_us = now_us - due_us
        self.times_behind += 1
        if self.times_behind == 1:
            _log.warning(
                "The simulated radio falls behind real time, now by %d ms; "
                "this machine is too slow or was stopped",
                behind_us // 1000,
            )
        if behind_us <= MAX_BEHIND_US:
            return now_us
        if self.skipped_us == 0:
            _log.warning("The simulated radio leaves out %d ms", behind_us // 1000)
        self.skipped_us += behind_us
        self._start_s += behind_us / 1e6
        return due_us

    def _timer_fired(self) -> None:
        self._timer = None
        self.catch_up()

    def due_earlier(self) -> None:
        """Set the timer for what is due next."""
        if self._closed:
            return
        next_us = self.radio.next_event_us()
        if self._timer is not None and next_us == self._timer_us:
            return
        self._disarm()
        if next_us is not None:
            self._timer_us = next_us
            # Rounded up, else the loop could call a moment before the event and spin until then.
            at_s = self._start_s + (next_us + 1) / 1e6
            self._timer = self._loop.call_at(at_s, self._timer_fired)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
