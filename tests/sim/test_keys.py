"""Keys for those who ask: with them a capture can be read."""

from __future__ import annotations

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from bleio.core.private_address import encrypt
from bleio.radio.air.keys import LinkKey, lines_of
from bleio.radio.air.radio import AirPdu, Direction
from support.raw_host import MS, Pair, connected_pair

KEY, OTHER_KEY = bytes(range(16)), bytes(range(16, 32))
DISCONNECTED = 0x05
ENC_REQ, ENC_RSP = 0x03, 0x04


def run(pair: Pair, milliseconds: float) -> None:
    pair.radio.run_until(pair.radio.now_us + round(milliseconds * MS))


def encrypt_link(pair: Pair, central_key: bytes = KEY, peripheral_key: bytes = KEY) -> None:
    parameters = struct.pack("<H8sH16s", pair.central_handle, bytes(8), 0, central_key)
    assert pair.central.command(0x2019, parameters)[0] == 0
    run(pair, 100)
    pair.peripheral.must(0x201A, struct.pack("<H", pair.peripheral_handle) + peripheral_key)
    run(pair, 200)


def watched_pair() -> tuple[Pair, list[LinkKey]]:
    pair, keys = connected_pair(), list[LinkKey]()
    pair.radio.watch_keys(keys.append)
    return pair, keys


def control(air: list[AirPdu], opcode: int) -> bytes:
    """The fields of a control PDU in clear text."""
    clear = [each.octets for each in air if not each.clear_octets]
    (found,) = [octets for octets in clear if octets[0] & 3 == 3 and octets[2] == opcode]
    return found[3:]


def decipher(long_term_key: bytes, air: list[AirPdu]) -> list[bytes]:
    """Read encrypted packets by what was on air and the key alone. Spec: Vol 6, Part B, 1; E."""
    request, response = control(air, ENC_REQ), control(air, ENC_RSP)
    diversifier, vector = request[10:18] + response[:8], request[18:22] + response[8:12]
    session_key = encrypt(long_term_key, diversifier)[::-1]
    counts, texts = dict.fromkeys(Direction, 0), []
    for packet in (each for each in air if each.clear_octets):
        from_central = packet.direction is Direction.TO_PERIPHERAL
        counter = counts[packet.direction] | int(from_central) << 39
        counts[packet.direction] += 1
        header = bytes((packet.octets[0] & 0xE3,))
        nonce = counter.to_bytes(5, "little") + vector
        cipher = AESCCM(session_key, tag_length=4)
        texts.append(cipher.decrypt(nonce, packet.octets[2:], header))
    return texts


def test_the_key_opens_what_was_captured() -> None:
    pair, keys = watched_pair()
    air: list[AirPdu] = []
    pair.radio.watch(air.append)
    encrypt_link(pair)
    pair.central.send_acl(pair.central_handle, b"to the peripheral")
    pair.peripheral.send_acl(pair.peripheral_handle, b"to the central")
    run(pair, 100)
    (key,) = keys
    texts = decipher(key.long_term_key, air)
    assert b"to the peripheral" in texts
    assert b"to the central" in texts


def test_what_is_told_of_a_link() -> None:
    pair, keys = watched_pair()
    begin_us = pair.radio.now_us
    encrypt_link(pair)
    (key,), (link,) = keys, pair.radio.links
    assert begin_us < key.time_us < pair.radio.now_us
    assert key.access_address == link.access_address
    assert key.central.octets == pair.central.random_address
    assert key.peripheral.octets == pair.peripheral.random_address
    assert key.long_term_key == KEY
    diversifier = link.central.keys.diversifier + link.peripheral.keys.diversifier
    assert key.session_key == encrypt(KEY, diversifier)
    assert key.vector == link.central.keys.vector + link.peripheral.keys.vector


def test_a_refresh_tells_of_the_new_key() -> None:
    pair, keys = watched_pair()
    encrypt_link(pair)
    encrypt_link(pair, OTHER_KEY, OTHER_KEY)
    assert [key.long_term_key for key in keys] == [KEY, OTHER_KEY]
    assert keys[0].session_key != keys[1].session_key


def test_keys_that_differ_are_not_told() -> None:
    pair, keys = watched_pair()
    encrypt_link(pair, KEY, OTHER_KEY)
    assert pair.central.of(DISCONNECTED)
    assert keys == []


def test_who_does_not_watch_any_longer_is_not_told() -> None:
    pair, keys = watched_pair()
    pair.radio.unwatch_keys(keys.append)
    pair.radio.unwatch_keys(print)
    encrypt_link(pair)
    assert keys == []


def test_lines_of_a_text_file() -> None:
    pair, keys = watched_pair()
    encrypt_link(pair)
    header, line = lines_of(keys)
    assert header == "# seconds central peripheral long-term-key\n"
    seconds = f"{keys[0].time_us / 1_000_000:.6f}"
    addresses = "c0:00:00:00:00:01/random c0:00:00:00:00:02/random"
    assert line == f"{seconds} {addresses} 0f0e0d0c0b0a09080706050403020100\n"
