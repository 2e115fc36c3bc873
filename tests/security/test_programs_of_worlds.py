"""What a program of a world can do to the test that runs it. See docs/security.md."""

from __future__ import annotations

import pytest

from bleio.testing import DeviceFailed, World

MUTE = """
class Mute(Exception):
    def __str__(self):
        raise {raises}

    __notes__ = property(lambda self: 1 / 0)

import sys, time
time.sleep(2)
{end}
"""


@pytest.mark.parametrize("raises", ["ValueError('no words')", "SystemExit(0)", "KeyboardInterrupt"])
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("raise Mute()", "Mute: "),
        ("raise Mute() from Mute()", "Mute: "),
        ("sys.exit(Mute())", r"exit code 1 \(SystemExit: "),
    ],
)
def test_an_error_without_words(end: str, kind: str, raises: str) -> None:
    with World() as world:
        device = world.add(source=MUTE.format(raises=raises, end=end), name="mute")
        with pytest.raises(
            DeviceFailed, match=rf"^mute failed at 2\.0+ s: {kind}<exception str\(\) failed>"
        ):
            world.run()
        assert device.text.splitlines()[-1].endswith("str() failed>")
        world.run_for(1)
        assert not device.running


def test_a_program_that_prints_without_newlines() -> None:
    """Each character once cost as much as all before it: this would take a minute."""
    with World() as world:
        device = world.add(source="for _ in range(100_000): print('four', end='')")
        world.run()
        assert device.text == "four" * 100_000 + "\n"
