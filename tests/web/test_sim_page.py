"""The page of a world in a browser: time that stops, steps and hurries, and faults by a click."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.commands import bleio
from support.live_browser import Browser
from support.processes import Program, stop_all

EXAMPLES = Path(__file__).parents[2] / "examples"
PAIR = (str(EXAMPLES / "heart_rate_peripheral.py"), str(EXAMPLES / "heart_rate_central.py"))
BEACON = """
import time
import _bleio
print("begins")
_bleio.adapter.start_advertising(b"", connectable=False, interval=0.1)
time.sleep(100000)
"""
SCANNER = """
import time
import _bleio
for entry in _bleio.adapter.start_scan(active=False, minimum_rssi=-127):
    print("%.3f %d" % (time.monotonic(), entry.rssi))
"""


class Sims:
    """Starts worlds with a page; they end with the test."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.folder = folder
        self.browser = browser
        self._programs: list[Program] = []

    def start(self, *arguments: str) -> Program:
        command = ["-m", "bleio", "sim", "--web", *arguments]
        self._programs.append(Program("sim", command, dict(os.environ), self.folder))
        return self._programs[-1]

    def shown(self, *arguments: str) -> tuple[Program, Any]:
        """Start a world and look at its page."""
        sim = self.start(*arguments)
        url = sim.wait_for(r"^Page: (http://127\.0\.0\.1:\d+/\?token=\S+)$").group(1)
        tab = self.browser.tab(url)
        tab.until("socket && about.kind === 'world' && there().length > 0")
        return sim, tab

    def close(self) -> None:
        stop_all(self._programs)


@pytest.fixture
def sims(tmp_path: Path, browser: Browser) -> Iterator[Sims]:
    made = Sims(tmp_path, browser)
    (tmp_path / "beacon.py").write_text(BEACON)
    (tmp_path / "scanner.py").write_text(SCANNER)
    yield made
    made.close()


def now(tab: Any) -> int:
    return int(tab.js("data.end_us"))


def heard(sim: Program) -> tuple[float, int]:
    """When the scanner has heard something next, and how strong."""
    match = sim.wait_for(r"scanner\] ([\d.]+) (-\d+)$")
    return float(match.group(1)), int(match.group(2))


def test_time_stops_steps_and_hurries(sims: Sims) -> None:
    _, tab = sims.shown("beacon.py", "scanner.py")
    tab.until("data.end_us > 500000")
    tab.click("#pause")
    tab.until("state.paused && $('pause').textContent === 'Go on'")
    paused_us = now(tab)
    rows = tab.js("data.rows.length")
    # To the next packet: one more row, and its time has come.
    tab.click("[data-step=packet]")
    tab.until(f"data.rows.length > {rows}")
    tab.until("state.paused")
    assert paused_us < now(tab) < paused_us + 150_000
    last = tab.js("data.rows.filter(row => row[1] === 'p').at(-1)[0]")
    assert paused_us < last < now(tab) <= last + 1000
    # For a time.
    before_us = now(tab)
    tab.js("$('ms').value = 250")
    tab.click("[data-step=ms]")
    tab.until(f"data.end_us > {before_us}")
    tab.until(f"data.end_us >= {before_us} + 250000 && state.paused")
    assert now(tab) == before_us + 250_000
    # To the next thing that happens, which is no later than the next packet.
    tab.click("[data-step=event]")
    tab.until(f"data.end_us > {before_us} + 250000 && state.paused")
    assert now(tab) < before_us + 400_000
    still_us = now(tab)
    tab.js("new Promise(done => setTimeout(done, 300))")
    assert now(tab) == still_us
    # As fast as it goes, and back.
    tab.js("$('speed').value = ''; $('speed').onchange()")
    tab.click("#pause")
    tab.until("data.end_us > 60e6")
    tab.js("$('speed').value = '1'; $('speed').onchange()")
    tab.until("state.speed === 1")
    tab.click("#pause")
    tab.until("state.paused")
    assert tab.complaints == []


def test_it_begins_at_the_pace_of_real_time(sims: Sims) -> None:
    _, tab = sims.shown("beacon.py")
    tab.until("data.end_us > 300000")
    passed = tab.js(
        "new Promise(done => { const us = data.end_us, began = performance.now();"
        " setTimeout(() => done([data.end_us - us, (performance.now() - began) * 1000]), 2000); })"
    )
    assert 0 < passed[0] < passed[1] * 1.3


def test_dragging_changes_what_programs_hear(sims: Sims) -> None:
    sim, tab = sims.shown("beacon.py", "scanner.py")
    assert heard(sim)[1] == -60
    tab.until("levelOf(0, 1) && levelOf(0, 1)[2] === -60")
    assert tab.js("levelOf(0, 1)[3]") is None
    tab.drag(".device[data-id='0']", 120, 50)
    metres = tab.until("levelOf(0, 1)[3]")
    level = tab.js("levelOf(0, 1)[2]")
    assert level != -60
    while heard(sim)[1] != level:
        pass
    assert tab.js("data.devices[0].placed && !data.devices[1].placed")
    assert metres > 1
    tab.click(".device[data-id='1']")
    tab.until(f"$('levels').innerText.includes('{level} dBm')")
    tab.until("$('output').textContent.includes('-60')")


def test_places_and_distances_of_the_command_line(sims: Sims) -> None:
    sim, tab = sims.shown("--place", "beacon=0,30", "--exponent", "2", "beacon.py", "scanner.py")
    assert tab.js("[data.devices[0].x, data.devices[0].y]") == [0, 30]
    x, y = tab.js("[data.devices[1].x, data.devices[1].y]")
    import math

    expected = round(-40.2 - 20 * math.log10(math.dist((0, 30), (x, y))))
    assert heard(sim)[1] == expected
    sim.end()
    _, tab = sims.shown("--distance", "25", "beacon.py", "scanner.py")
    assert tab.js("data.devices.map(each => [each.x, each.y])") == [[0, 0], [25, 0]]
    tab.until("levelOf(0, 1) && levelOf(0, 1)[3] === 25")


def test_faults_by_a_click_are_the_worlds(sims: Sims) -> None:
    report = sims.folder / "page.html"
    sim, tab = sims.shown("--report", str(report), "beacon.py", "scanner.py")
    heard(sim)
    tab.click(".device[data-id='0']")
    tab.click("#power")
    tab.until("data.devices[0].power === 'off' && $('power').textContent === 'Power on'")
    silent_us = now(tab)
    tab.until("levelOf(0, 1)[2] === null && $('levels').innerText.includes('not heard')")
    assert (
        tab.js(
            "(() => { const b = $('entries').querySelector('button').getBoundingClientRect();"
            " return document.elementFromPoint(b.left + 5, b.top + 5).textContent; })()"
        )
        == "Undo"
    ), "in sight without scrolling"
    tab.until(f"data.end_us > {silent_us} + 500000")
    assert not tab.js(f"data.rows.some(row => row[1] === 'p' && row[0] > {silent_us} + 1000)")
    tab.click("#power")
    tab.until("data.devices[0].power === 'on'")
    sim.says(r"beacon\] begins")
    tab.until("levelOf(0, 1)[2] === -60")
    # A jammer, while the world stands still.
    tab.click("#pause")
    tab.until("state.paused")
    tab.js("$('seconds').value = 100")
    tab.click("#jam")
    tab.until("[...entries.values()].some(each => each.text.startsWith('jam') && each.undo)")
    jammed_us = now(tab)
    tab.js("$('ms').value = 1000")
    tab.click("[data-step=ms]")
    tab.until(f"data.end_us >= {jammed_us} + 1000000 && state.paused")
    sent = tab.js(
        f"data.rows.filter(row => row[1] === 'p' && row[0] > {jammed_us})"
        ".reduce((sum, row) => sum + row[9], 0)"
    )
    assert sent > 20
    tab.click("#entries li:first-child button")
    tab.until("[...entries.values()].some(each => each.text.startsWith('jam') && each.undone)")
    ended_us = now(tab)
    tab.click("#pause")
    at_s, _ = heard(sim)
    while at_s < ended_us / 1e6:
        assert not jammed_us / 1e6 + 0.01 < at_s < ended_us / 1e6
        at_s, _ = heard(sim)
    # The next packets, of which some are left.
    tab.js("$('packets').value = 10000")
    tab.click("#lose")
    tab.until("[...entries.values()].some(each => each.text.startsWith('corrupt'))")
    tab.until("flying.some(each => each.lost)")
    tab.click("#entries li:first-child button")
    tab.until("[...entries.values()].some(each => each.text.startsWith('corrupt') && each.undone)")
    sim.interrupt()
    sim.wait()
    about = json.loads(re.search(r'id="data">(.*?)</script>', report.read_text(), re.DOTALL)[1])
    faults = about["about"].partition(", with ")[2].partition(" of simulated time")[0].split("; ")
    kinds = [fault.split()[0] for fault in faults]
    assert kinds == ["power-cut", "jam", "corrupt"]
    jam = re.fullmatch(r"jam @([\d.]+)s for ([\d.]+)s", faults[1])
    assert jam is not None
    assert float(jam[2]) == pytest.approx((ended_us - jammed_us) / 1e6, abs=0.01)
    assert tab.complaints == [] or all("ERR_" in each for each in tab.complaints)


def test_broken_links_and_faults_of_the_command_line(sims: Sims) -> None:
    sim, tab = sims.shown("--fault", "jam @1s for 300ms", *PAIR)
    tab.until("[...entries.values()].some(each => each.text === 'jam @1s for 0.3s')")
    tab.until("Object.keys(data.devices[0].states).includes('link 1')")
    tab.until("data.end_us > 1.5e6 && ![...entries.values()][0].undo")
    tab.click(".device[data-id='0']")
    tab.click("#break")
    sim.says("Disconnected")
    tab.until("[...entries.values()].some(each => each.text.startsWith('drop heart_rate_peri'))")


def test_the_page_stays_when_the_world_has_ended(sims: Sims) -> None:
    (sims.folder / "short.py").write_text("import time\ntime.sleep(0.2)\nprint('<b>done')")
    sim, tab = sims.shown("short.py")
    sim.says("All programs have ended; the page stays until Ctrl-C")
    tab.until("$('status').textContent.includes('All programs have ended')")
    tab.until("$('pause').disabled")
    tab.click(".device[data-id='0']")
    tab.until("$('output').textContent === '<b>done'")
    assert tab.js("data.devices[0].power") == "ended"
    tab.js("ask({do: 'jam', seconds: 1, channels: [37]})")
    tab.until("[...entries.values()].some(each => each.text.includes('the world has ended'))")
    sim.interrupt()
    assert sim.wait() == 0


def test_a_program_that_fails_is_shown_and_decides_the_exit_code(sims: Sims) -> None:
    (sims.folder / "fails.py").write_text("import time\ntime.sleep(0.1)\nraise ValueError('<i>no')")
    sim, tab = sims.shown("fails.py", "beacon.py")
    sim.says("fails failed.*; the page stays until Ctrl-C")
    tab.until("$('status').textContent.includes('<i>no') && $('status').className === 'bad'")
    tab.until("data.devices[0].power === 'failed'")
    sim.interrupt()
    assert sim.wait() == 1  # as without a page


def test_the_time_may_be_over_and_until_ends_it_all(sims: Sims) -> None:
    sim, tab = sims.shown("--for", "300ms", "beacon.py")
    sim.says("The time is over; the page stays")
    tab.until("data.end_us === 300000")
    sim.interrupt()
    assert sim.wait() == 0
    sim = sims.start("--until", "begins", "beacon.py")
    assert sim.wait() == 0


def test_ctrl_c_while_it_runs_stands_still_and_hurries(sims: Sims) -> None:
    for way in ("", "ask({do: 'pause', paused: true})", "ask({do: 'speed', times: null})"):
        sim, tab = sims.shown("beacon.py", "scanner.py")
        tab.js(way)
        tab.until({"": "data.end_us > 1000", "a": "state.paused || state.speed === null"}[way[:1]])
        sim.interrupt()
        assert sim.wait() == 130
        assert not any("Traceback" in line for line in sim.lines)


@pytest.mark.parametrize(
    "options", [(), ("--loss", "0.1"), ("--distance", "30", "--jitter", "1ms")]
)
def test_a_world_that_is_only_looked_at_is_the_same(sims: Sims, options: tuple[str, ...]) -> None:
    """Capture and output are those of the same world without a page, octet by octet."""
    plain, looked_at = sims.folder / "plain.pcapng", sims.folder / "page.pcapng"
    world = ("sim", *PAIR, "--for", "2s", *options)
    done = bleio(*world, "--capture", plain, folder=sims.folder)
    assert done.returncode == 0
    sim, tab = sims.shown(*PAIR, "--for", "2s", *options, "--capture", str(looked_at))
    sim.says("The time is over")
    tab.until("data.end_us === 2000000")
    sim.interrupt()
    assert sim.wait() == 0
    assert looked_at.read_bytes() == plain.read_bytes()
    printed = [line for line in sim.lines if line.startswith("[")]
    assert printed == done.stdout.splitlines()
    assert tab.js("data.rows.filter(row => row[1] === 'o').length") == len(printed)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--web", "--real-time"), "leave --real-time"),
        (("--place", "sensor=1"), "'sensor=1' is no place such as sensor=3,4"),
        (("--place", "=1,2"), "is no place such as"),
        (("--place", "beacon=1,nan"), "is no place such as"),
        (("--place", "sensor=1,2"), "There is no device 'sensor'"),
        (("--web", "--fault", "drop nobody @1s"), "is of a device that this world does not have"),
        (("--web=1:2:3",), "'1:2:3' is no place for a page"),
        (("--exponent", "0"), "0.5<=x<=10"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], says: str) -> None:
    done = bleio("sim", *arguments, str(EXAMPLES / "beacon.py"))
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_a_place_counts_without_a_page(tmp_path: Path) -> None:
    (tmp_path / "beacon.py").write_text(BEACON)
    (tmp_path / "scanner.py").write_text(SCANNER)
    programs = [str(tmp_path / "beacon.py"), str(tmp_path / "scanner.py")]
    done = bleio(
        "sim", "--place", "beacon=0,0", "--place", "scanner=10,0", "--for", "1s", *programs
    )
    assert done.returncode == 0
    assert " -70\n" in done.stdout  # 40.2 dB at 1 m, and ten times the exponent of 3


def test_hostile_programs_are_text_and_do_not_flood_the_page(sims: Sims) -> None:
    name = "a\u202egnp <b>x<b>.py"
    (sims.folder / name).write_text(
        "import time\n"
        "print('<b>first\\u202e', 'x' * 1_000_000)\n"
        "for number in range(5_000): print(number)\n"
        "time.sleep(1)\n"
        "raise SystemExit('</script>\\u2066')\n"
    )
    sim, tab = sims.shown(name)
    tab.until("state.ended")
    assert tab.js("data.devices[0].name") == "a\\u202egnp <b>x<b>"
    first = tab.js("data.rows.find(row => row[5].includes('first'))[5]")
    assert first.startswith("<b>first\\u202e xxx")
    assert len(first) < 6_000
    assert tab.js("leftOut") > 3_000, "and it says so"
    assert tab.js("data.rows.length") < 2_000
    assert not tab.js("document.body.innerText.match(/[\\u202e\\u2066]/)")
    assert tab.js("document.querySelectorAll('#list b b, #side b').length") == 0
    sim.interrupt()
    assert sim.wait() == 1, "the program has failed"
