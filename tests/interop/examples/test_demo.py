"""The demo shows a whole conversation, and notices when it was not one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

EXAMPLES = Path(__file__).parents[3] / "examples"
CENTRAL, PERIPHERAL = "heart_rate_central.py", "heart_rate_peripheral.py"


@pytest.fixture
def demo_of(shared_radio, tmp_path):
    """Start a copy of the demo in which one program's text is changed."""

    def start(name: str, old: str, new: str):
        for program in ("demo.py", CENTRAL, PERIPHERAL):
            shutil.copy(EXAMPLES / program, tmp_path)
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
        return shared_radio.start(tmp_path / "demo.py")

    return start


def test_the_demo_succeeds(shared_radio):
    demo = shared_radio.start(EXAMPLES / "demo.py")
    demo.says(
        r"^ *peripheral \| Advertising as Pulse$",
        r"^ *central \| Found <Address .*> at -?\d+ dBm$",
        *[r"^ *central \| Reading: \d+ bpm$"] * 5,
        r"^ *central \| Disconnected$",
        r"^Demo succeeded: every step happened, in \d+ s\.$",
    )
    demo.ends_well()


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        (
            PERIPHERAL,
            "    radio.start_advertising(advertisement)\n",
            "    raise SystemExit(3)\n",
            "The peripheral has not accepted the connection before it ended with status 3.",
        ),
        (
            PERIPHERAL,
            'print("Pulse", pulse)',
            'print("Pulse", pulse + 100)',
            "bpm, which the peripheral did not send then.",
        ),
        (
            CENTRAL,
            "connection.disconnect()\n",
            "connection.disconnect()\nraise SystemExit(2)\n",
            "The central has not disconnected before it ended with status 2.",
        ),
    ],
)
def test_the_demo_says_which_step_failed(demo_of, name, old, new, complaint):
    demo = demo_of(name, old, new)
    line = demo.wait_for("^Demo failed: (.*)$")[1]
    assert line.endswith(complaint)
    assert demo.wait() == 1


def test_ctrl_c_ends_the_demo_and_its_programs(shared_radio):
    demo = shared_radio.start(EXAMPLES / "demo.py")
    demo.wait_for(r"central \| Connected$")
    demo.interrupt()
    demo.wait_for(r"^Demo stopped\.$")
    assert demo.wait() == 130
