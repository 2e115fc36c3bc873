"""The pytest plugin: the fixture `ble_world`, a world for each test.

Nothing heavy is imported until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bleio.testing.world import World

_MARK = (
    "ble(**arguments): arguments of the test's world, such as seed=3 or real_time=True; see"
    " bleio.testing.World"
)
_world_key: pytest.StashKey[World] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--ble-seed`."""
    parser.getgroup("bleio").addoption(
        "--ble-seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the ble_world of tests that do not set one with the mark ble (default: 0)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", _MARK)


@pytest.fixture
def ble_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Provide an empty world in simulated time; its devices end with the test.

    The mark `ble` sets its arguments, `--ble-seed` the seed of those without one. When the test
    fails, its report has the seed, what devices printed and counted, and the last packets.
    """
    from bleio.testing.world import World

    arguments: dict[str, Any] = {"seed": request.config.getoption("--ble-seed")}
    for mark in reversed(list(request.node.iter_markers("ble"))):
        if mark.args:
            raise pytest.UsageError("The mark ble takes arguments by name, such as ble(seed=3)")
        arguments.update(mark.kwargs)
    with World(**arguments) as world:
        request.node.stash[_world_key] = world
        yield world


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what happened in the world to the report of a test that failed, or a fixture of it."""
    report = yield
    world = item.stash.get(_world_key, None)
    if world is not None and report.failed:
        from bleio.testing.report.story import section

        report.sections.append(section(item, world))
    return report
