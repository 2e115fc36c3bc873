"""What a program of a world can do to the test that runs it. See docs/security.md."""

from __future__ import annotations

from bleio.testing import World

def test_a_program_that_prints_without_newlines() -> None:
    """Each character once cost as much as all before it: this would take a minute."""
    with World() as world:
        device = world.add(source="for _ in range(100_000): print('four', end='')")
        world.run()
        assert device.text == "four" * 100_000 + "\n"
