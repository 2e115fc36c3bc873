"""Where a page is to listen, as typed."""

from __future__ import annotations

import pytest

from bleio.web.address import PageAddress, parse_page_address


@pytest.mark.parametrize(
    ("typed", "host", "port"),
    [
        ("", "127.0.0.1", 0),
        ("8080", "127.0.0.1", 8080),
        (":8080", "127.0.0.1", 8080),
        ("localhost", "localhost", 0),
        ("localhost:80", "localhost", 80),
        ("0.0.0.0:8080", "0.0.0.0", 8080),
        ("192.168.1.2", "192.168.1.2", 0),
        ("[::1]:8080", "::1", 8080),
        ("[::]", "::", 0),
        ("desk.local:65535", "desk.local", 65535),
    ],
)
def test_addresses(typed: str, host: str, port: int) -> None:
    assert parse_page_address(typed) == PageAddress(host, port)


@pytest.mark.parametrize(
    "typed",
    [
        "65536",
        "host:99999",
        "http://127.0.0.1:80",
        "a b",
        "[::1",
        "1:2:3",
        "host:port",
        "-x",
        "[x]",
    ],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValueError, match=r"use HOST:PORT, such as|above 65535"):
        parse_page_address(typed)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("192.168.1.2", False), ("desk.local", False)),
    ],
)
def test_which_are_of_this_machine_alone(host: str, loopback: bool) -> None:
    assert PageAddress(host).is_loopback == loopback


def test_urls() -> None:
    assert PageAddress().url(81, "t") == "http://127.0.0.1:81/?token=t"
    assert PageAddress("::1").url(81, "t") == "http://[::1]:81/?token=t"
