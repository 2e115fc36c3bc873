"""The page of a world, in a browser."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bleio.testing import World
from bleio.testing.report.page import make_page, save_page
from support.browser import dom_after, screenshot
from support.patience import PATIENCE_S

EXAMPLES = Path(__file__).parents[2] / "examples"


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a world of three devices, of which one has failed."""
    path = tmp_path_factory.mktemp("page") / "world.html"
    with World(seed=1, loss=0.05) as world:
        world.add(str(EXAMPLES / "heart_rate_peripheral.py"), name="strap")
        phone = world.add(str(EXAMPLES / "heart_rate_central.py"), name="phone", start_s=1)
        beacon = world.add(str(EXAMPLES / "beacon.py"), name="beacon")
        world.run_for(5)
        beacon.power_off()
        phone.drop_links()
        world.run_for(2)
        save_page(world, path, "strap & phone", "DeviceFailed: phone failed")
    return path


def told(dom, name):
    """What a script of the test has left in the element of that name."""
    return json.loads(html.unescape(re.search(f'id="{name}">(.*?)</pre>', dom, re.DOTALL)[1]))


def tell(expression):
    return (
        "const out = document.body.appendChild(document.createElement('pre'));"
        f"out.id = 'out'; out.textContent = JSON.stringify({expression});"
    )


def test_it_has_no_outside_resources(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)\s*=|https?://|url\(|@import|fetch\(", text)


def test_devices_states_and_packets_are_in_it(page):
    data = data_of(page.read_text(encoding="utf-8"))
    assert [device["name"] for device in data["devices"]] == ["strap", "phone", "beacon"]
    strap, phone, beacon = (device["bars"] for device in data["devices"])
    kinds = [{kind for _, _, kind, _ in bars} for bars in (strap, phone, beacon)]
    assert kinds == [
        {"running", "advertising", "link"},
        {"running", "scanning", "link"},
        {"running", "advertising"},
    ]
    (link,) = [bar for bar in strap if bar[2] == "link"]
    assert 1e6 < link[0] < 2e6
    assert 4.9e6 < link[1] < 5.1e6
    assert link[3] == "link with phone"
    (running,) = [bar for bar in beacon if bar[2] == "running"]
    assert running[:2] == [0, pytest.approx(5e6, abs=100)]
    times = [row[0] for row in data["rows"]]
    assert times == sorted(times)
    texts = {row[5] for row in data["rows"]}
    assert "power off" in texts
    assert any("Heart Rate Measurement" in text for text in texts)
    assert any("l" in row[6] for row in data["rows"] if row[1] == "p")


def test_a_browser_shows_it(page):
    dom = dom_after(
        page,
        tell(
            "{title: $('title').textContent, failure: $('failure').textContent,"
            " lines: document.querySelectorAll('.row').length,"
            " shown: shown.length, rows: data.rows.length,"
            " chosen: document.querySelector('.chosen').textContent,"
            " details: $('details').textContent}"
        ),
    )
    seen = told(dom, "out")
    assert seen["title"] == "strap & phone"
    assert seen["failure"] == "DeviceFailed: phone failed"
    assert 10 < seen["lines"] < 100 < seen["shown"] < seen["rows"]  # only those in sight are there
    assert seen["chosen"]
    assert seen["details"]


def test_filters_leave_what_is_asked_for(page):
    script = (
        "$('words').value = 'heart rate'; $('words').oninput();"
        "[...document.querySelectorAll('#filters label')].find(each =>"
        " each.textContent.trim() === 'output').firstChild.click();"
    )
    seen = told(dom_after(page, script + tell("shown.map(row => [row[1], row[5]])")), "out")
    assert seen
    assert all(kind == "p" and "heart rate" in text.lower() for kind, text in seen)


def test_keys_wheel_drag_and_click(page):
    script = """
      const key = name => $("list").onkeydown({key: name, preventDefault() {}});
      choose(10); key("ArrowDown"); key("ArrowDown"); key("ArrowUp");
      const chosenByKeys = chosen;
      all(); const whole = to - from;
      canvas.onwheel({preventDefault() {}, offsetX: LEFT + 100, deltaY: -1000});
      const zoomed = to - from, before = from;
      canvas.setPointerCapture = () => {};
      canvas.onpointerdown({offsetX: 400, offsetY: 40, pointerId: 1});
      canvas.onpointermove({offsetX: 300, offsetY: 40});
      canvas.onpointerup({offsetX: 300, offsetY: 40});
      const dragged = from - before;
      all();
      const row = shown.findIndex(row => row[5] === "power off");
      canvas.onpointerdown({offsetX: x(shown[row][0]), offsetY: y(2), pointerId: 1});
      canvas.onpointerup({offsetX: x(shown[row][0]), offsetY: y(2)});
      const clicked = [nameOf(shown[chosen][2]), Math.round(shown[chosen][0] / 1e5)];
    """
    seen = told(
        dom_after(page, script + tell("{chosenByKeys, whole, zoomed, dragged, clicked}")), "out"
    )
    assert seen["chosenByKeys"] == 11
    assert seen["zoomed"] < seen["whole"] / 3
    assert seen["dragged"] > 0
    assert seen["clicked"] == ["beacon", 50]


def test_the_timeline_has_the_colours_of_states(page):
    script = """
      const scale = window.devicePixelRatio || 1;
      const pixel = (left, top) => [...pen.getImageData(left * scale, top * scale, 1, 1).data];
      const at = (seconds, who, down) => pixel(x(seconds * 1e6), y(who) + down);
      const paint = name => { pen.fillStyle = css(name); pen.fillRect(0, 0, 2, 2); };
      const as = name => { paint(name); return pixel(0, 0); };
      off.add("o"); data.protocols.forEach(each => off.add("p" + each)); filter();
      const seen = {adv: at(0.5, 0, -10), link: at(3, 0, 8), off: at(6.13, 2, 0), on: at(3, 2, 4)};
      const wanted = {adv: as("--adv"), link: as("--link"), on: as("--run")};
    """
    seen = told(dom_after(page, script + tell("{seen, wanted}")), "out")
    for name, colour in seen["wanted"].items():
        assert seen["seen"][name] == colour, name
    assert seen["seen"]["off"][3] == 0  # nothing is drawn where the beacon has no power


def test_a_screenshot_can_be_made(page, tmp_path):
    picture = tmp_path / "page.png"
    screenshot(page, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


def test_what_programs_print_ends_nothing(tmp_path):
    path = tmp_path / "world.html"
    printed = "</script><script>document.title='owned'</script><!-- \udc80 \x00 <b>"
    with World() as world:
        world.add(source=f"print({printed!r})", name="<img src=x onerror=document.title='owned'>")
        world.run()
        save_page(world, path, "<b>title", "<i>failure")
    dom = dom_after(path, tell("[document.title, shown.map(row => row[5])]"))
    title, texts = told(dom, "out")
    assert title == "<b>title"
    assert any("</script><script>" in text for text in texts)


def test_ten_thousand_packets_are_drawn_and_counted(tmp_path):
    path = tmp_path / "world.html"
    with World() as world:
        world.add(str(EXAMPLES / "beacon.py"))
        world.run(until=lambda: world.packet_count > 12_000, within_s=5000)
        save_page(world, path, "long")
        count = world.packet_count
    dom = dom_after(path, tell("[shown.length, document.querySelectorAll('.row').length]"))
    shown, elements = told(dom, "out")
    assert shown >= 10_000
    assert elements < 100
    assert f"the last 10000 of {count} packets" in path.read_text(encoding="utf-8")


def test_a_world_in_which_nothing_happened(tmp_path):
    path = tmp_path / "world.html"
    with World() as world:
        assert data_of(make_page(world, "nothing"))["rows"] == []
        save_page(world, path, "nothing")
    assert told(dom_after(path, tell("[$('shown').textContent]")), "out") == ["0 of 0 lines"]


def test_the_command_writes_it_also_when_a_program_fails(tmp_path):
    program = tmp_path / "fails.py"
    program.write_text("import time\ntime.sleep(1)\nraise ValueError('no')")
    page = tmp_path / "page.html"
    command = [sys.executable, "-m", "bleio", "sim", "--report", str(page), str(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 1
    data = data_of(page.read_text(encoding="utf-8"))
    assert data["title"] == f"bleio sim {program}"
    assert "ValueError: no" in data["failure"]
    assert [1_000_000, "has failed: no"] in [[row[0], row[5]] for row in data["rows"]]


def test_the_command_says_at_once_that_it_cannot_write_it(tmp_path):
    program = tmp_path / "prints.py"
    program.write_text("print('never')")
    page = tmp_path / "missing" / "page.html"
    command = [sys.executable, "-m", "bleio", "sim", "--report", str(page), str(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "missing" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def run_pytest(folder, test, *options):
    """Run one test file. Returns: what pytest printed."""
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-W", "error", "test_it.py", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)
    return done.stdout + done.stderr


def test_the_plugin_writes_one_for_each_test_that_fails(tmp_path):
    printed = run_pytest(
        tmp_path,
        "import pytest\n"
        "def test_fails(ble_world):\n"
        "    ble_world.add(source=\"print('hello')\")\n"
        "    ble_world.run()\n"
        "    assert ble_world.output() == ''\n"
        "@pytest.mark.parametrize('number', [1, 2])\n"
        "def test_others(ble_world, number):\n"
        "    assert number == 1\n",
        *("--ble-report", "pages"),
    )
    assert "2 failed, 1 passed" in printed
    first, second = sorted((tmp_path / "pages").iterdir())
    assert f"The page is pages/{first.name}." in printed
    data = data_of(first.read_text(encoding="utf-8"))
    assert data["title"] == "test_it.py::test_fails"
    assert "AssertionError" in data["failure"]
    assert "hello" in {row[5] for row in data["rows"]}
    assert "[2]" in data_of(second.read_text(encoding="utf-8"))["title"]


def test_the_plugin_says_why_it_could_not_write_one(tmp_path):
    (tmp_path / "pages").write_text("a file")
    test = "def test_fails(ble_world):\n    assert False"
    printed = run_pytest(tmp_path, test, "--ble-report", "pages")
    assert "1 failed" in printed
    assert "The page could not be written: " in printed
