"""How an adapter pairs and what it demands: what the program has set, or else the environment.

It outlives backends and is applied to each. The environment is read at the first need, not at the
import, so that `bleio run --security` and programs that set it themselves are in time; a wrong word
there is an error of the first use, not a default that nobody asked for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from bleio.backends.base import Backend, PairingAgent
from bleio.backends.capabilities import require, require_settings
from bleio.core.pairing import PairingMethod, SecuritySettings
from bleio.errors import CallerError
from bleio.runtime import needs
from bleio.runtime.delegate import Delegate, DelegateAgent

SETTING = "BLEIO_SECURITY"

_METHODS = {method.value.lower().replace(" ", "-"): method for method in PairingMethod}
_FLAGS: dict[str, tuple[str, bool]] = {
    "secure-connections-only": ("secure_connections_only", True),
    "private-address": ("private_address", True),
    "debug-keys": ("debug_keys", True),
    "fail-open": ("fail_closed", False),
}
_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "min-key-octets": ("min_key_octets", int),
    "rotation": ("rotation_s", int),
    "method": ("method", _METHODS.__getitem__),
}
_CHOICES = (
    f"{', '.join(_FLAGS)}, min-key-octets=7 to 16, rotation=SECONDS,"
    f" method={' or '.join(_METHODS)}, with commas between them"
)


def parse_settings(text: str) -> SecuritySettings:
    """Return what a text such as `secure-connections-only, min-key-octets=16` says.

    Raises: CallerError with a sentence.
    """
    chosen: dict[str, Any] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, value = _parse_word(word)
        if name in chosen:
            raise CallerError(f"The security setting {word!r} is there twice")
        chosen[name] = value
    try:
        return SecuritySettings(**chosen)
    except ValueError as error:
        raise CallerError(f"The security setting {text!r} cannot be: {error}") from None


def _parse_word(word: str) -> tuple[str, Any]:
    """Return the name and value of a field of SecuritySettings."""
    if word in _FLAGS:
        return _FLAGS[word]
    key, equals, text = word.partition("=")
    if equals and key in _VALUES:
        name, parse = _VALUES[key]
        try:
            return name, parse(text)
        except (KeyError, ValueError):
            pass
    raise CallerError(f"There is no security setting {word!r}: choose {_CHOICES}")


def settings_by_environment() -> SecuritySettings:
    """Return what the environment says. Raises: CallerError with a sentence."""
    try:
        return parse_settings(os.environ.get(SETTING, ""))
    except CallerError as error:
        raise CallerError(f"{SETTING}: {error}") from None


class Policy:
    """The settings and the delegate of one adapter; they outlive its backends.

    Args: default_delegate: returns the delegate of a program that sets none; asked at first need.
        counted: the adapter's counters.
    Thread: any.
    """

    def __init__(
        self,
        default_delegate: Callable[[], Delegate | None] | None = None,
        counted: Counter[str] | None = None,
    ) -> None:
        self._counted = counted
        self._default_delegate = default_delegate  # None once the delegate is known
        self._settings: SecuritySettings | None = None
        self._delegate: Delegate | None = None
        self._agent: PairingAgent | None = None

    @property
    def settings(self) -> SecuritySettings:
        """Raises: CallerError if the environment's are wrong."""
        if self._settings is None:
            self._settings = settings_by_environment()
        return self._settings

    @settings.setter
    def settings(self, settings: SecuritySettings) -> None:
        self._settings = settings

    @property
    def delegate(self) -> Delegate | None:
        """Raises: CallerError if the environment's is wrong."""
        if self._default_delegate is not None:
            self.delegate = self._default_delegate()
        return self._delegate

    @delegate.setter
    def delegate(self, delegate: Delegate | None) -> None:
        self._agent = None if delegate is None else DelegateAgent(delegate, self._counted)
        self._delegate = delegate
        self._default_delegate = None

    @property
    def agent(self) -> PairingAgent | None:
        """What asks the delegate; None if there is none."""
        return None if self.delegate is None else self._agent

    def apply(self, backend: Backend) -> None:
        """Let a backend pair like this from now on.

        Raises: NotImplementedError, before anything is changed, if it would ignore a setting or the
            delegate, as pairing that is weaker than the program believes must not go unnoticed;
            CallerError if the environment's are wrong.
        Thread: the engine's.
        """
        require_settings(backend.platform, backend.capabilities, self.settings)
        require(backend.platform, backend.capabilities, *needs.of_delegate(self.delegate))
        backend.settings, backend.agent = self.settings, self.agent
