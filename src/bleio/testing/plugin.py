"""The pytest plugin: the fixture `ble_world`, a world for each test and each of its seeds.

Nothing heavy is imported until a test asks for the fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bleio.testing.bleak_radio import BleakRadio
    from bleio.testing.world import World

_MARK = (
    "ble(seeds=..., **arguments): seeds=100 runs the test with seeds 0 to 99, seeds=[3, 7] with"
    " these; and arguments of the test's world, such as seed=3 or real_time=True; see"
    " bleio.testing.World"
)
_world_key: pytest.StashKey[World] = pytest.StashKey()
_seeds_key: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--ble-seed`, `--ble-seeds` and `--ble-report`."""
    group = parser.getgroup("bleio")
    group.addoption(
        "--ble-seed",
        type=int,
        metavar="N",
        help="seed of the ble_world of tests that do not set one with the mark ble (default: 0)",
    )
    group.addoption(
        "--ble-seeds",
        metavar="N-M",
        help="run each test that takes ble_world with all these seeds, such as 0-99, 3 or 0,5,7-9;"
        " the first that fails is reported, with the numbers of the others. A seed that a test"
        " sets with the mark ble stays",
    )
    group.addoption(
        "--ble-report",
        metavar="FOLDER",
        help="write a page with a timeline for each test that fails in its ble_world",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and look at the seeds that were asked for."""
    config.addinivalue_line("markers", _MARK)
    asked = config.getoption("--ble-seeds")
    if asked is not None:
        if config.getoption("--ble-seed") is not None:
            raise pytest.UsageError("--ble-seed and --ble-seeds exclude each other")
        from bleio.testing.seeds.choice import parse_seeds

        try:
            parse_seeds(asked)
        except ValueError as error:
            raise pytest.UsageError(f"--ble-seeds: {error}") from None


@pytest.hookimpl(trylast=True)  # so the seed is the end of the name
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test item for each seed."""
    if "ble_seed" in metafunc.fixturenames:
        from bleio.testing.seeds.choice import parametrize

        parametrize(metafunc)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have reports say which seed they are of."""
    if "ble_seed" in getattr(item, "fixturenames", ()):
        from bleio.testing.seeds.folding import note_seed

        note_seed(item)


@pytest.fixture
def ble_seed(request: pytest.FixtureRequest) -> int:
    """Provide the seed of the test's `ble_world`, for a test that makes its worlds itself."""
    from bleio.testing.seeds.choice import seed_of

    return seed_of(request)


@pytest.fixture
def ble_world(request: pytest.FixtureRequest, ble_seed: int) -> Iterator[World]:
    """Provide an empty world in simulated time; its devices end with the test.

    The mark `ble` sets its arguments, `--ble-seed` the seed of those without one, `--ble-seeds` or
    the mark's `seeds` several seeds, with a new world for each. Programs are looked for beside the
    test's file, then in the current folder. When the test fails, its report has the seed, what
    devices printed and counted, and the last packets.
    """
    from bleio.testing.seeds.choice import arguments_with
    from bleio.testing.world import World

    arguments = {"folder": request.path.parent, **arguments_with(ble_seed, request.node)}
    arguments.setdefault("full_trace", request.config.getoption("fulltrace"))
    with World(**arguments) as world:
        request.node.stash[_world_key] = world
        yield world


@pytest.fixture
def ble_bleak() -> Iterator[BleakRadio]:
    """Let bleak use a simulated radio in this test, in real time; see `BleakRadio`.

    In simulated time, programs of bleak are devices of a `ble_world`, and need no fixture.
    """
    from bleio.testing.bleak_radio import bleak_radio

    with bleak_radio() as radio:
        yield radio


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what happened in the world to the report of a test that failed, or a fixture of it."""
    if call.excinfo is not None and "bleio.testing.world" in sys.modules:
        from bleio.testing.report.tracebacks import hide_ours

        hide_ours(call, item.config)
    report = yield
    world = item.stash.get(_world_key, None)
    if world is not None and report.failed:
        from bleio.testing.report.heading import put_heading
        from bleio.testing.report.story import section

        error = None if call.excinfo is None else call.excinfo.value
        decoded = world.decoded()
        put_heading(report, item, error, world, decoded)
        report.sections.append(section(item, world, error, decoded, report.longreprtext))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_exception_interact(call: pytest.CallInfo[None]) -> Generator[None, object, object]:
    """Let `--pdb` stop in the program that failed, rather than where the test let it run."""
    if "bleio.testing.world" not in sys.modules:
        return (yield)
    from bleio.testing.report.tracebacks import at_the_device

    with at_the_device(call):
        return (yield)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fold the failures of each test's seeds, before they are shown."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # in a worker of pytest-xdist, or switched off
        return
    failed = [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]
    if any("ble_seed" in dict(getattr(each, "user_properties", ())) for each in failed):
        from bleio.testing.seeds.folding import fold

        session.config.stash[_seeds_key] = fold(reporter.stats, session.config)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say at the end which seeds fail."""
    if told := config.stash.get(_seeds_key, None):
        terminalreporter.section("seeds")
        for line in told:
            terminalreporter.write_line(line)
