"""The own address over HCI: controllers of a listener have a public one, as dongles have."""

from __future__ import annotations

import _bleio

from support.radio_processes import Radios, listening


def test_an_address_that_was_set_survives_switching_off_and_on(radios: Radios) -> None:
    radio = radios.foreground("addresses", "--listen", "tcp:127.0.0.1:0")
    port = listening(radio, "tcp:127.0.0.1")
    adapter = _bleio.Adapter(f"hci:tcp-client:127.0.0.1:{port}")
    try:
        assert adapter.address.type == _bleio.Address.PUBLIC
        public = adapter.address
        adapter.enabled = False
        adapter.enabled = True
        assert adapter.address.type == _bleio.Address.PUBLIC
        assert adapter.address == public  # of the listener's first host, as before
        chosen = _bleio.Address(bytes.fromhex("0102030405c6"), _bleio.Address.RANDOM_STATIC)
        adapter.address = chosen
        adapter.enabled = False
        adapter.enabled = True
        assert adapter.address == chosen
    finally:
        adapter.enabled = False
