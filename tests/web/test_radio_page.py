"""The page of a shared radio in a browser, with real programs on it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.commands import bleio
from support.live_browser import Browser, Tab
from support.processes import Program
from support.radio_processes import Radios

BEGIN = """
import os, sys, time
os.environ["BLEIO_ADAPTER"] = "virtual:page"
import _bleio
"""
BEACON = (
    BEGIN
    + """
name = bytes.fromhex(sys.argv[1])
data = bytes((len(name) + 1, 9)) + name
_bleio.adapter.start_advertising(data, connectable=False, interval=0.1)
print("advertises", flush=True)
time.sleep(1000)
"""
)
SCANNER = (
    BEGIN
    + """
for entry in _bleio.adapter.start_scan(active=False, minimum_rssi=-127, timeout=None):
    print("heard", entry.advertisement_bytes[2:].decode("utf-8", "replace"), entry.rssi, flush=True)
"""
)
PERIPHERAL = (
    BEGIN
    + """
while True:
    if not _bleio.adapter.connected and not _bleio.adapter.advertising:
        _bleio.adapter.start_advertising(b"\\x02\\x01\\x06\\x06\\x09strap", interval=0.05)
    time.sleep(0.01)
"""
)
CENTRAL = (
    BEGIN
    + """
while True:
    for entry in _bleio.adapter.start_scan(active=False, timeout=120):
        if b"strap" in entry.advertisement_bytes:
            break
    _bleio.adapter.stop_scan()
    connection = _bleio.adapter.connect(entry.address, timeout=120)
    print("connected", flush=True)
    while connection.connected:
        time.sleep(0.01)
    print("disconnected", flush=True)
"""
)
PICTURE_LEAST = 20_000
# Whether something green is drawn close to a place on the plane.
IS_GREEN = """((x, y) => {
  for (let down = -20; down < 21; down++) {
    const [red, green, blue, solid] = air.getImageData(x, y + down, 1, 1).data;
    if (solid > 200 && green > red + 40 && green > blue + 20) return true;
  }
})"""


class Shown:
    """A radio, its page in a browser, and programs that join."""

    def __init__(self, radios: Radios, browser: Browser, *options: str) -> None:
        self.radios = radios
        self.programs: list[Program] = []
        self.radio = radios.foreground("page", "--web", *options)
        self.url = self.radio.wait_for(r"^Page: (http://127\.0\.0\.1:\d+/\?token=\S+)$").group(1)
        self.radio.says("^Ready")
        self.tab = browser.tab(self.url)
        self.tab.until("socket && socket.readyState === 1 && about.title")

    def beacons(self, *names: str) -> None:
        """Let devices of these names advertise; each gets the next number."""
        for name in names:
            number = self.number
            self.start(f"beacon {number}", BEACON, name.encode().hex()).says("advertises")
            self.tab.until(f"data.devices[{number}] && data.devices[{number}].name !== ''")
            self.tab.until(f"data.devices[{number}].states.advertising !== undefined")

    def start(self, tag: str, program: str, *arguments: str) -> Program:
        self.programs.append(self.radios.start(tag, "-c", program, *arguments))
        return self.programs[-1]

    def join(self, tag: str, program: str) -> Program:
        number = self.number
        started = self.start(tag, program)
        self.tab.until(f"data.devices[{number}] && !data.devices[{number}].gone")
        return started

    def leave(self) -> None:
        """Let the programs go, before their radio does."""
        for program in self.programs:
            program.kill()

    @property
    def number(self) -> int:
        """Of the next device."""
        return int(self.tab.js("there().length"))

    def level(self, one: int, other: int) -> Any:
        return self.tab.js(f"levelOf({one}, {other})")


@pytest.fixture
def shown(radios: Radios, browser: Browser) -> Iterator[Shown]:
    made = Shown(radios, browser)
    yield made
    made.leave()
    assert made.tab.complaints == []


def heard(scanner: Program, name: str) -> int:
    """The RSSI of the next packet that it hears from that device."""
    return int(scanner.wait_for(rf"^heard {re.escape(name)} (-?\d+)$").group(1))


def at(tab: Tab, number: int) -> tuple[float, float]:
    """Where a device is drawn."""
    left, top = tab.js(
        f"(() => {{ const s = document.querySelector('.device[data-id=\"{number}\"]').style;"
        " return [parseFloat(s.left), parseFloat(s.top)]; })()"
    )
    return left, top


def pixel(tab: Tab, x: float, y: float) -> list[int]:
    found: list[int] = tab.js(f"[...air.getImageData({x}, {y}, 1, 1).data]")
    return found


def test_five_devices_before_and_after_a_drag(shown: Shown, tmp_path: Path) -> None:
    tab = shown.tab
    shown.beacons("alpha", "beta", "gamma", "delta")
    scanner = shown.join("scanner", SCANNER)
    assert {heard(scanner, name) for name in ("alpha", "beta", "gamma", "delta")} == {-60}
    tab.until("there().length === 5 && Object.keys(data.devices[4].states).includes('scanning')")
    # They are apart, and in sight, with their names.
    wide, high = tab.js("[plane.clientWidth, plane.clientHeight]")
    places = [at(tab, number) for number in range(5)]
    for number, (x, y) in enumerate(places):
        assert 20 < x < wide - 20
        assert 20 < y < high - 20
        for other in places[number + 1 :]:
            assert abs(x - other[0]) + abs(y - other[1]) > 60
    names = tab.js("[...document.querySelectorAll('.device span')].map(each => each.textContent)")
    assert names[:4] == ["alpha (1)", "beta (2)", "gamma (3)", "delta (4)"]
    assert names[4].startswith("python"), "a device without a name has that of its program"
    tab.click(".device[data-id='4']")
    assert tab.until("document.querySelectorAll('#levels tr').length === 4")
    before = tab.js("[...document.querySelectorAll('#levels tr')].map(each => each.innerText)")
    assert all("-60 dBm" in line and "usual loss" in line for line in before)
    tab.screenshot(tmp_path / "before.png")
    # Dragged by the mouse: RSSI follows, on the page and in the program.
    tab.drag(".device[data-id='0']", 160, 40)
    # The radio is told of places on the way, too; wait for the last.
    right, down = (places[0][each] - places[1][each] for each in (0, 1))
    tab.until(
        "(([one, two, , , far]) => levelOf(0, 4)[3] !== null"
        f" && Math.abs(px(one) - px(two) - {right + 160}) < 4"
        f" && Math.abs(py(one) - py(two) - {down + 40}) < 4"
        " && Math.abs(Math.hypot(one.x - far.x, one.y - far.y) - levelOf(0, 4)[3]) < 0.01"
        ")(data.devices)"
    )
    metres = tab.js("levelOf(0, 4)[3]")
    level = shown.level(0, 4)[2]
    assert level == round(-40.2 - 30 * _log10(metres))
    while heard(scanner, "alpha") != tab.js("levelOf(0, 4)[2]"):
        pass
    assert heard(scanner, "beta") == -60
    now = [at(tab, number) for number in range(5)]
    moved = [(x - a, y - b) for (x, y), (a, b) in zip(now, places, strict=True)]
    shift = moved[1]  # the plane may have become larger or smaller
    assert all(each == pytest.approx(shift) for each in moved[1:])
    assert moved[0] == pytest.approx((shift[0] + 160, shift[1] + 40), abs=3)
    after = tab.until(
        "(() => { const t = document.querySelector('#levels tr[data-other=\"0\"]').innerText;"
        " return !t.includes('usual') && t; })()"
    )
    assert f"{level} dBm" in after
    tab.screenshot(tmp_path / "after.png")
    for picture in ("before.png", "after.png"):
        assert (tmp_path / picture).stat().st_size > PICTURE_LEAST
    assert (tmp_path / "before.png").read_bytes() != (tmp_path / "after.png").read_bytes()


def _log10(value: float) -> float:
    import math

    return math.log10(value)


def test_keys_move_a_device_and_far_away_it_is_heard_no_more(shown: Shown) -> None:
    tab = shown.tab
    shown.beacons("alpha")
    scanner = shown.join("scanner", SCANNER)
    assert heard(scanner, "alpha") == -60
    tab.js("document.querySelector('.device[data-id=\"0\"]').focus()")
    before = tab.js("data.devices[0].x")
    tab.press("ArrowRight")
    tab.press("ArrowUp", shift=True)
    assert tab.js("[data.devices[0].x, data.devices[0].y]") == pytest.approx([before + 1, 10])
    tab.until("levelOf(0, 1)[3] > 9")
    while heard(scanner, "alpha") >= -65:
        pass
    for _ in range(20):
        tab.press("ArrowUp", shift=True)
    tab.until("levelOf(0, 1)[2] < -105")
    lost_before = len(scanner.lines)
    tab.until("flying.some(each => each.from === 0 && each.to === 1 && each.lost)")
    tab.press("Enter")
    tab.until("selected === 0")
    assert "at " in tab.js("document.querySelector('.device.chosen').getAttribute('aria-label')")
    tab.until("levelOf(0, 1)[2] < -105")
    assert len(scanner.lines) <= lost_before + 3  # what was on its way


def test_late_news_moves_no_device_back(shown: Shown) -> None:
    tab = shown.tab
    shown.beacons("alpha")
    told = (
        "(change => { const x = data.devices[0].x, old = {...data.devices[0]}; change(x, old);"
        " take({kind: 'news', now_us: data.end_us, state: {}, devices: [old], levels: [], rows: [],"
        " log: [], left_out: 0}); return data.devices[0].x - x; })"
    )
    assert tab.js(f"{told}(x => move(0, x + 1, 0.12345))") == pytest.approx(1)
    tab.until("wishes.size === 0 && data.devices[0].y === 0.123")  # the radio has said so
    assert tab.js(f"{told}((x, old) => old.x = x + 2)") == pytest.approx(2), "another page's"


def test_faults_by_a_click_and_back(shown: Shown) -> None:
    tab = shown.tab
    shown.join("strap", PERIPHERAL)
    phone = shown.join("phone", CENTRAL)
    phone.says("^connected")
    tab.until("Object.keys(data.devices[0].states).some(each => each === 'link 1')")
    tab.click(".device[data-id='0']")
    tab.until("!$('device-more').hidden")
    x, y = tab.js("[(px(data.devices[0]) + px(data.devices[1])) / 2,"
                  " (py(data.devices[0]) + py(data.devices[1])) / 2]")  # fmt: skip
    assert tab.until(f"{IS_GREEN}({x}, {y})"), "a link is drawn between them"
    # Links.
    tab.click("#break")
    phone.says("^disconnected", "^connected")
    tab.until("[...entries.values()].some(each => each.text.includes('links have been broken'))")
    # Power, and back by the log.
    tab.click("#power")
    phone.says("^disconnected")
    tab.until("data.devices[0].power === 'silent' && $('power').textContent === 'Radio on'")
    assert tab.js("document.querySelector('.device[data-id=\"0\"]').classList.contains('off')")
    tab.click("#entries button")
    phone.says("^connected")
    tab.until("[...entries.values()].some(each => each.text.includes('radio off') && each.undone)")
    tab.until("document.querySelectorAll('#entries li.undone').length === 1")
    # A jammer, ended before its time.
    tab.js("$('seconds').value = 600")
    tab.click("#jam")
    phone.says("^disconnected")
    tab.click("#entries button")
    phone.says("^connected")
    # Lost packets: those that have been sent already cannot be taken back.
    tab.js("$('packets').value = 1")
    tab.click("#lose")
    lose = "[...entries.values()].find(each => each.text.includes('next 1 packet is lost'))"
    tab.until(f"{lose} && data.rows.some(row => row[6].includes('l') && row[0] > {lose}.time_us)")
    tab.click("#entries button")
    tab.until("[...entries.values()].some(each => /^Not done: .* has sent all/.test(each.text))")
    assert tab.until(f"!{lose}.undo && !{lose}.undone")
    tab.js("$('packets').value = 10000")
    tab.click("#lose")
    phone.says("^disconnected")
    tab.until("data.rows.some(row => row[6].includes('l'))")
    tab.click("#entries button")
    phone.says("^connected")
    texts = tab.js("[...entries.values()].map(each => each.text)")
    assert any("all channels jammed for 600 s" in text for text in texts)
    assert any("the next 10000 packets are lost" in text for text in texts)
    events = tab.js("data.rows.filter(row => row[1] === 'e').map(row => row[5])")
    assert any(text.startswith("undone: ") for text in events)


def test_the_timeline_is_that_of_reports_and_can_be_held(shown: Shown) -> None:
    tab = shown.tab
    shown.beacons("alpha")
    tab.until("shown.length > 20")
    colour = tab.js(
        "(() => { const bar = data.devices[0].bars.find(each => each[2] === 'advertising');"
        " draw(); const s = devicePixelRatio; const at = (x(bar[0]) + x(bar[1])) / 2;"
        " const found = [...pen.getImageData(at * s, (y(0) - 11) * s, 1, 1).data];"
        " pen.fillStyle = css('--adv'); pen.fillRect(0, 0, 2, 2);"
        " return [found, [...pen.getImageData(0, 0, 1, 1).data]]; })()"
    )
    assert colour[0] == colour[1]
    tab.click("#follow")
    count, ends = tab.js("[document.querySelectorAll('.row').length, to]")
    tab.until(f"data.end_us > {ends} + 500000")
    assert tab.js("to") == ends
    assert tab.js("$('status').textContent").endswith("display held")
    tab.click("#follow")
    tab.until(f"to > {ends}")
    assert count > 3
    tab.js("$('words').value = 'no such words'; $('words').oninput()")
    tab.until("shown.length === 0 && document.querySelectorAll('.row').length === 0")
    tab.js("$('words').value = 'alpha'; $('words').oninput()")
    tab.until("shown.length > 5 && shown.every(row => row[2] === 0)")
    tab.click("#list")
    tab.until("$('details').textContent.includes('ADV_NONCONN_IND')")


HOSTILE = "<img src=x onerror=document.title='owned'>"


def test_hostile_names_are_text(shown: Shown) -> None:
    tab = shown.tab
    shown.beacons(HOSTILE[:26], "</script>\u202eevil\x1b[2J", "\x00\x01 \n", "'\"&amp;<b>x")
    names = tab.js("data.devices.map(each => each.name)")
    assert names[0] == f"{HOSTILE[:26]} (1)"
    assert names[1] == "</script>\ufffdevil\ufffd[2J (2)"
    assert names[2] == "\ufffd\ufffd \ufffd (3)"
    assert (
        tab.js("[...document.querySelectorAll('.device span')].map(each => each.textContent)")
        == names
    )
    for number in range(4):
        tab.click(f".device[data-id='{number}']")
        tab.until(f"$('device-name').textContent === data.devices[{number}].name")
    tab.until("data.rows.length > 20")
    assert (
        tab.js("document.querySelectorAll('img, .device b, #side b, .device script').length") == 0
    )
    assert tab.js("document.title") == "radio page"


def test_fifty_devices(shown: Shown, tmp_path: Path) -> None:
    many = (
        BEGIN
        + """
import asyncio
adapters = [_bleio.Adapter("virtual:page") for _ in range(49)]
for number, adapter in enumerate(adapters):
    name = b"device-%02d" % number
    adapter.start_advertising(bytes((len(name) + 1, 9)) + name, connectable=False, interval=0.5)
print("all", flush=True)
time.sleep(1000)
"""
    )
    tab = shown.tab
    shown.start("many", many).says("^all")
    scanner = shown.join("scanner", SCANNER)
    tab.until("there().length === 50 && levels.size === 50 * 49 / 2")
    tab.until("data.rows.length > 300")
    scanner.says("^heard device-48")
    places = [at(tab, number) for number in range(50)]
    assert len({(round(x), round(y)) for x, y in places}) == 50
    wide, high = tab.js("[plane.clientWidth, plane.clientHeight]")
    assert all(0 < x < wide and 0 < y < high for x, y in places)
    nearest = min(
        abs(one[0] - two[0]) + abs(one[1] - two[1])
        for number, one in enumerate(places)
        for two in places[:number]
    )
    assert nearest > 25
    tab.click(".device[data-id='7']")
    tab.until("document.querySelectorAll('#levels tr').length === 49")
    tab.screenshot(tmp_path / "fifty.png")
    assert (tmp_path / "fifty.png").stat().st_size > PICTURE_LEAST


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_windows_and_dark_ones(
    radios: Radios, browser: Browser, tmp_path: Path, scheme: str
) -> None:
    shown = Shown(radios, browser)
    tab = shown.tab
    tab.prefer(prefers_color_scheme=scheme)
    tab.resize(420, 800)
    shown.beacons("alpha", "beta", "gamma")
    assert tab.until("document.documentElement.scrollWidth <= innerWidth")
    wide = tab.js("plane.clientWidth")
    assert wide <= 420
    assert all(0 < at(tab, number)[0] < wide for number in range(3))
    paper = tab.js("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    tab.screenshot(tmp_path / f"narrow-{scheme}.png")
    tab.click("#jam")
    tab.until("entries.size > 3 && $('entries').children.length > 3")
    tab.screenshot(tmp_path / f"narrow-{scheme}.png")
    shown.leave()
    assert tab.complaints == []


def test_devices_leave_and_others_take_their_place(shown: Shown) -> None:
    tab = shown.tab
    shown.beacons("alpha")
    first = shown.programs[-1]
    tab.until("data.rows.some(row => row[2] === 0 && row[1] === 'p')")
    first.kill()
    tab.until("there().length === 0 && !$('nobody').hidden")
    assert "BLEIO_ADAPTER=virtual:page" in tab.js("$('nobody').textContent")
    shown.beacons("beta")
    assert tab.js("data.devices.map(each => each.name)") == ["beta (2)"]
    assert tab.js("data.rows.some(row => row[2] === 'alpha (1)')"), "rows of the former one stay"


def test_the_page_says_when_the_command_has_ended(shown: Shown) -> None:
    tab = shown.tab
    shown.beacons("alpha")
    shown.radio.interrupt()
    assert shown.radio.wait() == 0
    tab.until("$('status').textContent.includes('The command has ended')")
    tab.complaints[:] = [each for each in tab.complaints if "ERR_CONNECTION_REFUSED" not in each]


def test_without_the_token_nothing_is_shown(radios: Radios, browser: Browser) -> None:
    radio = radios.foreground("page", "--web")
    url = radio.wait_for(r"^Page: (\S+)$").group(1)
    tab = browser.tab()
    tab.lenient = True
    tab.go(url.partition("?")[0])
    tab.until("document.body.innerText.includes('Not for you')")
    # Another site's page cannot open the stream, even with the token.
    other = browser.tab("about:blank")
    stream = url.replace("http:", "ws:").replace("/?", "/stream?")
    opened = other.js(
        f"new Promise(done => {{ const s = new WebSocket({json.dumps(stream)});"
        " s.onopen = () => done('open'); s.onerror = () => done('refused'); })"
    )
    assert opened == "refused"


def test_wrong_addresses_are_said_in_a_sentence(radios: Radios) -> None:
    done = bleio("radio", "page-x", "--web=nowhere:port")
    assert done.returncode == 2
    assert "'nowhere:port' is no place for a page; use HOST:PORT" in done.stderr
    radio = radios.foreground("page", "--web")
    port = radio.wait_for(r"^Page: http://127\.0\.0\.1:(\d+)/").group(1)
    other = radios.foreground("other", "--web", port)
    other.wait_for(rf"Error: Cannot show the page at 127\.0\.0\.1:{port}: another program listens")
    assert other.wait() == 1


def test_other_hosts_are_warned_of(radios: Radios) -> None:
    radio = radios.foreground("page", "--web", "0.0.0.0:0")
    radio.says("^Warning: 0.0.0.0 can be reached by other machines", r"^Page: http://0\.0\.0\.0:")
    radio.says("^Ready")


def test_ctrl_c_while_a_browser_looks(shown: Shown) -> None:
    shown.radio.process.send_signal(signal.SIGINT)
    assert shown.radio.wait() == 0
    shown.tab.complaints.clear()
