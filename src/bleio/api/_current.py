"""Which adapter is the current one: a place that holds it, for the process or for one context.

CircuitPython has one adapter, the board's. Here a program may have several, and a test may run many
devices in one process. So "the" adapter is a place that holds one: the process's place by default,
another inside `use_adapter`. `set_adapter` changes what the present place holds, and so what the
code around it sees, but not what other devices see.

It stands apart from `Adapter` since services need only this of it, and an adapter needs them.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from bleio.runtime.home import home_context

if TYPE_CHECKING:
    from bleio.runtime.session import Session


class HasSession(Protocol):
    """What is known of an adapter here."""

    @property
    def _session(self) -> Session: ...


class Place:
    """A place that holds an adapter, or none."""

    def __init__(self, adapter: HasSession | None) -> None:
        self.adapter = adapter


PROCESS = Place(None)  # `adapter` puts the one in it that the environment chooses
place: ContextVar[Place] = ContextVar("_bleio.adapter", default=PROCESS)


def current_place() -> Place:
    """Return the place of this context, or of the calling code's."""
    here = place.get()
    if here is PROCESS and (home := home_context()) is not None:
        here = home.get(place, here)
    return here


def current_session() -> Session:
    """Return the session that new local services belong to.

    Raises: RuntimeError if there is no current adapter.
    """
    adapter = current_place().adapter
    if adapter is None:
        raise RuntimeError("No adapter available")
    return adapter._session
