"""The settings of pairing: their words, and how a session hands them to its backends."""

from __future__ import annotations

from typing import Any

import pytest

from bleio.core.pairing import PairingMethod, SecuritySettings
from bleio.errors import BluetoothError, CallerError
from bleio.runtime.policy import SETTING, parse_settings
from bleio.runtime.session import Session
from support.fake_backend import FakeBackend
from unit.runtime.conftest import Bench, Played

TEXTS = {
    "": SecuritySettings(),
    " , ": SecuritySettings(),
    "secure-connections-only": SecuritySettings(secure_connections_only=True),
    "private-address,rotation=60": SecuritySettings(private_address=True, rotation_s=60),
    " min-key-octets=7 , method=just-works ": SecuritySettings(
        min_key_octets=7, method=PairingMethod.JUST_WORKS
    ),
    "method=numeric-comparison": SecuritySettings(method=PairingMethod.NUMERIC_COMPARISON),
    "method=passkey-entry": SecuritySettings(method=PairingMethod.PASSKEY_ENTRY),
    "method=out-of-band": SecuritySettings(method=PairingMethod.OUT_OF_BAND),
    "debug-keys, fail-open": SecuritySettings(debug_keys=True, fail_closed=False),
}
CHOICES = (
    "choose secure-connections-only, private-address, debug-keys, fail-open, min-key-octets=7 to"
    " 16, rotation=SECONDS, method=just-works or numeric-comparison or passkey-entry or"
    " out-of-band, with commas between them"
)
UNKNOWN = (
    *("secure", "private-address=1", "rotation", "rotation=soon", "method=oob"),
    "rotation=60 private-address",
)
WRONG = {word: f"There is no security setting {word!r}: {CHOICES}" for word in UNKNOWN} | {
    "rotation=1,rotation=2": "The security setting 'rotation=2' is there twice",
    "min-key-octets=6": "The security setting 'min-key-octets=6' cannot be:"
    " min_key_octets must be 7 to 16",
    "rotation=0": "The security setting 'rotation=0' cannot be:"
    " rotation_s must be 1 to 41400 seconds",
}
STRICT = SecuritySettings(secure_connections_only=True)


@pytest.mark.parametrize("text", TEXTS)
def test_words(text: str) -> None:
    assert parse_settings(text) == TEXTS[text]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_setting_is_one_sentence(text: str) -> None:
    with pytest.raises(CallerError) as caught:
        parse_settings(text)
    assert str(caught.value) == WRONG[text]


def test_defaults(bench: Bench) -> None:
    assert bench.session.engine.finish(bench.session.address)
    assert bench.backend.settings == SecuritySettings() == bench.session.policy.settings
    assert bench.backend.agent is bench.session.policy.delegate is None


def test_what_is_set_before_the_opening_outlives_every_backend(bench: Bench) -> None:
    delegate = Played(print)
    bench.session.set_security(STRICT)
    bench.session.set_pairing_delegate(delegate)
    assert bench.backends == []
    for number in (1, 2):
        bench.session.engine.finish(bench.session.set_enabled, True)
        assert bench.session.engine.finish(bench.session.address)
        assert len(bench.backends) == number
        assert bench.backend.settings is STRICT
        assert bench.backend.agent is not None
        bench.session.engine.finish(bench.session.set_enabled, False)
    first, second = bench.backends
    assert first.agent is second.agent
    assert bench.session.policy.settings is STRICT
    assert bench.session.policy.delegate is delegate


def test_what_is_set_later_reaches_the_open_backend(bench: Bench) -> None:
    assert bench.session.engine.finish(bench.session.address)
    bench.session.set_security(STRICT)
    bench.session.set_pairing_delegate(Played(print))
    bench.session.engine.run(lambda: None)
    assert bench.backend.settings is STRICT
    assert bench.backend.agent is not None
    bench.session.set_pairing_delegate(None)
    bench.session.engine.run(lambda: None)
    assert bench.backend.agent is None


def test_what_is_set_during_the_opening_is_not_lost() -> None:
    class Opening(FakeBackend):
        async def open(self, *args: Any) -> None:
            assert self.settings == SecuritySettings()
            session.set_security(STRICT)
            await super().open(*args)

    backend = Opening()
    session = Session(lambda former: backend, lambda session, link: link)
    assert session.engine.finish(session.address)
    assert backend.settings is STRICT
    session.engine.finish(session.set_enabled, False)


def test_the_environment_decides_where_the_program_does_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, "secure-connections-only")
    assert bench.session.engine.finish(bench.session.address)
    assert bench.backend.settings == STRICT


def test_a_wrong_word_of_the_environment_is_said_at_the_opening(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, "rotation=0")
    with pytest.raises(BluetoothError) as caught:
        bench.session.engine.finish(bench.session.address)
    assert str(caught.value) == f"BLEIO_SECURITY: {WRONG['rotation=0']}"
    monkeypatch.delenv(SETTING)
    assert bench.session.engine.finish(bench.session.address)
