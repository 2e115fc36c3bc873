"""Values as users type them."""

from __future__ import annotations

import struct

import pytest

from bleio.values import parse_value

TYPED = {
    "": "",
    "0a0B": "0a0b",
    "0x0a0b": "0a0b",
    "0x": "",
    "0a:0b": "0a0b",
    "0a 0b": "0a0b",
    "0a-0b": "0a0b",
    "hex:0a0b": "0a0b",
    "hex:0x0a": "0a",
    "hex:": "",
    "hello": b"hello".hex(),
    "text:0a0b": b"0a0b".hex(),
    "text:": "",
    "text:a,b:c": b"a,b:c".hex(),
    "12:30 h": b"12:30 h".hex(),
    "a,b": b"a,b".hex(),
    "Größe": "Größe".encode().hex(),
    "u8:1": "01",
    "u8:0x10": "10",
    "u16:1000": "e803",
    "u16le:1000": "e803",
    "u16be:1000": "03e8",
    "U16BE:1000": "03e8",
    "s16:-5": "fbff",
    "u24:1": "010000",
    "u48:1": "010000000000",
    "s128:-1": "ff" * 16,
    "f32:1.5": struct.pack("<f", 1.5).hex(),
    "f64be:-2": struct.pack(">d", -2).hex(),
    "bool:true": "01",
    "bool:off": "00",
    "u8:1,u16:1000,text:on, off": "01e803" + b"on, off".hex(),
    "u8:1, u8:2": "0102",
    "hex:ff,u8:2": "ff02",
}


@pytest.mark.parametrize("text", TYPED)
def test_values(text: str) -> None:
    assert parse_value(text).hex() == TYPED[text]


WRONG = {
    "0x0": "has half an octet",
    "0xabc": "has half an octet",
    "hex:xy": "is not hexadecimal",
    "hex:0": "is not hexadecimal",
    "u8:256": "256 is not from 0 to 255, as u8 is",
    "u8:-1": "-1 is not from 0 to 255",
    "s8:128": "128 is not from -128 to 127",
    "u7:1": "there are no integers of 7 bits",
    "u8:": "'' is no integer",
    "u8:1.5": "'1.5' is no integer",
    "f32:1e99": "is no number that f32 can hold",
    "f32:x": "is no number that f32 can hold",
    "bool:maybe": "is neither true nor false",
    "u8:1,": "nothing follows the last comma",
    "u8:1,2": "'2' has no kind that is known",
    "text:" + "x" * 513: "it has 513 octets, and a value 512 at most",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:12])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=WRONG[text].replace("(", r"\(")):
        parse_value(text)
