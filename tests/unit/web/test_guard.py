"""Who gets the page, and what browsers are told about it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from bleio.pages.joining import joined
from bleio.web.guard import Guard, headers_for, new_token

TOKEN = "abc-DEF_123"
GOOD = f"/?token={TOKEN}"


@pytest.fixture
def guard() -> Guard:
    return Guard(TOKEN, "desk.local")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "desk.local:80", "192.168.1.2"],
)
@pytest.mark.parametrize("own", [True, False])
def test_it_lets_in_who_knows_the_token(guard: Guard, host: str, own: bool) -> None:
    assert guard.lets_in(GOOD, [host], [f"http://{host}"] if own else [])
    assert guard.lets_in(f"/stream?token={TOKEN}", [host], [f"http://{host}"])


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/?token=", "/?token=abc", f"/?token={TOKEN}x", f"/?token={TOKEN.lower()}"),
        *(f"/?token={TOKEN}&token={TOKEN}", "/?token=x&token=" + TOKEN, f"/?Token={TOKEN}"),
        *(f"/{TOKEN}", f"/#token={TOKEN}", "/?token=%00", "/?token=%ff%fe", "/?token=ü"),
        "/?" + "&".join(f"a{number}=1" for number in range(20)) + f"&token={TOKEN}",
    ],
)
def test_no_other_token_will_do(guard: Guard, path: str) -> None:
    assert not guard.lets_in(path, ["127.0.0.1:8080"], [])


@pytest.mark.parametrize(
    "hosts",
    [
        *([], ["evil.example:8080"], ["127.0.0.1.evil.example"], ["localhost.evil.example:8080"]),
        *(["127.0.0.1", "evil.example"], ["127.0.0.1", "127.0.0.1"], [""], ["127.0.0.1:x"]),
        *(["127.0.0.1@evil.example"], ["127.1"], ["2130706433"], ["desk.local.evil.example"]),
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(guard: Guard, hosts: list[str]) -> None:
    assert not guard.lets_in(GOOD, hosts, [])


@pytest.mark.parametrize(
    "origins",
    [
        *(["http://evil.example"], ["null"], ["https://127.0.0.1:8080"], ["http://127.0.0.1:3000"]),
        *(["http://localhost:8080"], ["http://127.0.0.1:8080", "http://127.0.0.1:8080"], [""]),
    ],
)
def test_pages_of_other_sites_are_refused(guard: Guard, origins: list[str]) -> None:
    assert not guard.lets_in(GOOD, ["127.0.0.1:8080"], origins)


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 22


def test_browsers_run_what_is_in_the_page_and_nothing_else() -> None:
    page = joined("live")
    policy = headers_for(page, "127.0.0.1:8080")["Content-Security-Policy"]
    rules = dict(each.split(" ", 1) for each in policy.split("; "))
    assert rules["default-src"] == "'none'"
    # Some browsers take 'self' for HTTP alone, and a policy has no words for IPv6.
    assert rules["connect-src"] == "'self' ws://127.0.0.1:8080"
    assert "connect-src 'self';" in headers_for(page, "[::1]:8080")["Content-Security-Policy"]
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"


def test_the_page_has_no_outside_resources() -> None:
    page = joined("live")
    assert not re.search(r"\b(src|href)\s*=|https?://|url\(|@import|fetch\(|\bPART\b", page)
    assert not re.search(r"\son\w+=[\"']|\sstyle=[\"']|innerHTML|outerHTML|insertAdjacent", page)
    assert "document.write" not in page
    assert "eval(" not in page
