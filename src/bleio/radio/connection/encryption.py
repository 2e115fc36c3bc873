"""Starting and refreshing encryption on a link. Spec: Vol 6, Part B, 5.1.3.

    central                        peripheral
    ENC_REQ (key's name, halves) ->             from here on neither sends data
                                 <- ENC_RSP (halves)
                                                its host is asked for the key
                                 <- START_ENC_REQ
    enciphers; START_ENC_RSP     ->             enciphers
                                 <- START_ENC_RSP

Each end takes its own cipher into use, for what it sends, at a point of this exchange where the
other end can tell that it has. Data that left in between would be read with the wrong key or none,
and on air that ends the link. So both queues hold data back (`SendQueue.hold_data`): the central
after what its host has queued before, which is still to go in clear text; the peripheral at once.
A refresh pauses first, each end in turn, and is then the same exchange in clear text.

Packets are enciphered for captures only, but the keys decide: both ends derive the session key
from their own long term key, and the link ends when the two differ. One deviation: both ends
report MIC Failure at that moment; on air the central would see the peripheral fall silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bleio.core.codes import HciErrorCode
from bleio.core.private_address import encrypt
from bleio.radio.air.keys import LinkKey
from bleio.radio.connection.cipher import LinkCipher
from bleio.radio.connection.control_pdus import LlOpcode, on, send

if TYPE_CHECKING:
    from bleio.radio.connection.end import LinkEnd
    from bleio.radio.connection.link import AirLink


def start(central: LinkEnd, rand: bytes, ediv: int, ltk: bytes) -> None:
    """The central's host wants the link encrypted, or encrypted anew."""
    central.procedures.begin(LlOpcode.START_ENC_RSP, _start, central, rand, ediv, ltk)


def _start(central: LinkEnd, rand: bytes, ediv: int, ltk: bytes) -> None:
    keys = central.keys
    keys.ltk, keys.rand, keys.ediv = ltk, rand, ediv
    central.procedures.expect(LlOpcode.START_ENC_RSP)
    central.queue.hold_data(after_queued=True)
    if keys.encrypted:
        send(central, LlOpcode.PAUSE_ENC_REQ, after_data=True)
    else:
        _send_request(central)


def _send_request(central: LinkEnd) -> None:
    keys, random = central.keys, central.layer.radio
    keys.diversifier = random.random_octets(8)
    keys.vector = random.random_octets(4)
    fields = (keys.rand, keys.ediv, keys.diversifier, keys.vector)
    send(central, LlOpcode.ENC_REQ, *fields, after_data=True)


@on(LlOpcode.PAUSE_ENC_REQ)
def _pause_req(peripheral: LinkEnd) -> None:
    peripheral.queue.hold_data(after_queued=False)
    peripheral.procedures.pause()
    send(peripheral, LlOpcode.PAUSE_ENC_RSP)


@on(LlOpcode.PAUSE_ENC_RSP)
def _pause_rsp(end: LinkEnd) -> None:
    end.keys.cipher = None
    if not end.role:
        send(end, LlOpcode.PAUSE_ENC_RSP)
        _send_request(end)


@on(LlOpcode.ENC_REQ, "8sH8s4s")
def _enc_req(peripheral: LinkEnd, rand: bytes, ediv: int, diversifier: bytes, _iv: bytes) -> None:
    peripheral.queue.hold_data(after_queued=False)
    peripheral.procedures.pause()
    keys, random = peripheral.keys, peripheral.layer.radio
    keys.diversifier = random.random_octets(8)
    keys.vector = random.random_octets(4)
    send(peripheral, LlOpcode.ENC_RSP, keys.diversifier, keys.vector)
    peripheral.procedures.expect(LlOpcode.ENC_REQ)
    if not peripheral.layer.host.key_requested(peripheral, rand, ediv):
        refuse(peripheral)


@on(LlOpcode.ENC_RSP, "8s4s")
def _enc_rsp(_central: LinkEnd, _diversifier: bytes, _iv: bytes) -> None:
    """The peripheral's host is looking for the key."""


def reply(peripheral: LinkEnd, ltk: bytes) -> None:
    """The peripheral's host has the key."""
    peripheral.procedures.settle(LlOpcode.ENC_REQ)
    peripheral.keys.ltk = ltk
    peripheral.procedures.expect(LlOpcode.START_ENC_RSP)
    send(peripheral, LlOpcode.START_ENC_REQ)


def refuse(peripheral: LinkEnd) -> None:
    """The peripheral's host has no key: no encryption, and the end of a link that had it."""
    peripheral.procedures.settle(LlOpcode.ENC_REQ)
    if peripheral.keys.encrypted:
        send(peripheral, LlOpcode.TERMINATE_IND, HciErrorCode.PIN_OR_KEY_MISSING)
        return
    peripheral.release_data()
    send(peripheral, LlOpcode.REJECT_EXT_IND, LlOpcode.ENC_REQ, HciErrorCode.PIN_OR_KEY_MISSING)
    peripheral.procedures.resume()


@on(LlOpcode.START_ENC_REQ)
def _start_enc_req(central: LinkEnd) -> None:
    _encipher(central)
    send(central, LlOpcode.START_ENC_RSP)


@on(LlOpcode.START_ENC_RSP)
def _start_enc_rsp(end: LinkEnd) -> None:
    link = end.link
    if end.role:
        if _session_key(end) != _session_key(end.other):
            link.finish(HciErrorCode.MIC_FAILURE)
            return
        _encipher(end)
        link.radio.show_key(_link_key(link))
        send(end, LlOpcode.START_ENC_RSP)
    end.procedures.settle(LlOpcode.START_ENC_RSP)
    end.procedures.resume()
    refreshed, end.keys.encrypted = end.keys.encrypted, True
    end.layer.host.encryption_started(end, refreshed)
    end.release_data()


def _session_key(end: LinkEnd) -> bytes:
    central, peripheral = end.link.central, end.link.peripheral
    assert end.keys.ltk is not None
    return encrypt(end.keys.ltk, central.keys.diversifier + peripheral.keys.diversifier)


def _vector(link: AirLink) -> bytes:
    return link.central.keys.vector + link.peripheral.keys.vector


def _encipher(end: LinkEnd) -> None:
    """From now on this end's PDUs are enciphered."""
    end.keys.cipher = LinkCipher(_session_key(end), _vector(end.link), from_central=not end.role)


def _link_key(link: AirLink) -> LinkKey:
    peripheral = link.peripheral
    ltk = peripheral.keys.ltk
    assert ltk is not None
    return LinkKey(
        link.radio.now_us, link.access_address, link.central.own, peripheral.own, ltk,
        _session_key(peripheral), _vector(link),
    )  # fmt: skip
