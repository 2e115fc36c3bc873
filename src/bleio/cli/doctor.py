"""`bleio doctor`: what there is on this computer, what works, and what to do about the rest.

The parts are in `diagnosis`. Here they are put in a row, each within a time limit, and judged: the
adapter that the user has chosen must be usable; where none is chosen, one that is will do, or the
simulated radio.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from bleio import __version__
from bleio.cli.diagnosis import adapters, computer, modules
from bleio.cli.diagnosis.bounded import TimedOut, bounded
from bleio.cli.diagnosis.exercise import self_test
from bleio.cli.diagnosis.findings import (
    MAYBE,
    OK,
    PROBLEM,
    TIMED_OUT,
    UNUSABLE,
    USABLE,
    Finding,
    FoundAdapter,
    Step,
)
from bleio.cli.diagnosis.hidden import Hider
from bleio.cli.diagnosis.page import Page, fields, lines
from bleio.cli.diagnosis.settings import look_at_settings
from bleio.cli.shared.adapters import adapter_string, chosen_adapter
from bleio.cli.shared.exits import Exit
from bleio.cli.shared.options import adapter_option, json_option
from bleio.cli.shared.output import print_json, print_line, say
from bleio.errors import CallerError
from bleio.runtime.selection import backend_for

T = TypeVar("T")
_PROBE_S = 20.0  # of each part that has no limit of its own


@click.command()
@adapter_option
@json_option("doctor")
def doctor(adapter: str | None, as_json: bool) -> None:
    """Look at what there is of Bluetooth here, and say what helps.

    One page, to be pasted into a bug report: it has no keys, addresses or names of users. Nothing
    is changed, and no adapter is opened but the one that --adapter names, which is tried.
    """
    page = examine(adapter)
    hider = Hider()
    if as_json:
        print_json(fields(page, hider))
    else:
        for line in lines(page, hider):
            print_line(line)
    if not page.usable:
        raise click.exceptions.Exit(Exit.NO_ADAPTER)


def examine(adapter: str | None) -> Page:
    """Look at everything, and judge. Args: adapter: what --adapter says."""
    page = Page(__version__, adapter_string(adapter))
    hider = Hider()
    page.module = _findings("the module", modules.look_at_module)
    page.versions = _findings("versions", modules.look_at_versions)
    page.settings = _findings("settings", look_at_settings, os.environ, hider)
    machine = _or_none(computer.machine_here)
    page.computer = _findings("the computer", _computer, machine)
    page.adapters = _adapters(machine, page.chosen)
    page.self_test = self_test()
    if adapter is not None:
        from bleio.cli.diagnosis.trial import try_adapter

        say(f"Trying {adapter} ...")
        page.trial = try_adapter(chosen_adapter(adapter))
    judge(page)
    return page


def _findings(what: str, look: Callable[..., Iterable[Finding]], *args: Any) -> list[Finding]:
    """Return what a part finds, or that it has not ended, or failed."""
    try:
        return bounded(_PROBE_S, _listed, look, *args)
    except TimedOut as error:
        return [Finding(TIMED_OUT, f"{what}: {error}")]
    except Exception as error:  # a part that fails must not hide the others
        return [Finding(PROBLEM, f"{what}: {type(error).__name__}: {error}")]


def _listed(look: Callable[..., Iterable[T]], *args: Any) -> list[T]:
    return list(look(*args))


def _or_none(look: Callable[[], T | None]) -> T | None:
    try:
        return bounded(_PROBE_S, look)
    except Exception:  # told by what is missing then: no part of the machine is listed
        return None


def _computer(machine: Any) -> Iterable[Finding]:
    import sys

    return computer.of_this_kind_of_computer(machine, sys.platform)


def _adapters(machine: Any, chosen: str) -> list[FoundAdapter]:
    """Return all adapters that there are, each kind within a time limit."""
    from bleio.backends.os.finding.holders import holders
    from bleio.radio.sharing.running import running_radios

    kinds: list[tuple[str, Callable[..., Iterable[FoundAdapter]], tuple[Any, ...]]] = [
        ("os", adapters.of_the_system, (machine,))
    ]
    if machine is not None:
        kinds += [
            ("hci:hci-socket:0", adapters.of_the_kernel, (machine,)),
            ("hci:usb:0", _usb, (machine, holders)),
            (
                "hci:serial:/dev/ttyACM0,1000000",
                adapters.of_serial_lines,
                (machine, holders, adapters.is_in_group),
            ),
        ]
    else:
        kinds.append(("hci:usb:0", lambda: adapters.of_libusb(adapters.order_of_libusb()), ()))
    kinds += [
        ("virtual:desk", lambda: adapters.of_radios(running_radios()), ()),
        ("esphome", adapters.of_esphome, (chosen,)),
    ]
    found: list[FoundAdapter] = []
    for name, look, args in kinds:
        try:
            found += bounded(_PROBE_S, _listed, look, *args)
        except TimedOut as error:
            found.append(FoundAdapter(name, TIMED_OUT, str(error)))
        except Exception as error:  # a part that fails must not hide the others
            text = f"cannot be looked for: {type(error).__name__}: {error}"
            found.append(FoundAdapter(name, UNUSABLE, text))
    return found


def _usb(machine: Any, holders: Callable[[str], list[str]]) -> Iterable[FoundAdapter]:
    listed = adapters.order_of_libusb() if len(machine.dongles) > 1 else []
    return adapters.of_usb(machine, holders, listed)


def judge(page: Page) -> None:
    """Say whether there is something that works, and what to do if not."""
    simulated = bool(page.self_test) and all(each.state == OK for each in page.self_test)
    kind = page.chosen.partition(":")[0]
    if (wrong := _wrong(page.chosen)) is not None:
        page.verdict, page.to_do = "the chosen adapter is none.", [wrong]
    elif page.trial is not None:
        _judge_trial(page, page.trial)
    elif kind == "virtual":
        hangs = _advice(page, page.chosen)
        page.usable = simulated and not hangs
        page.verdict = f"{page.chosen} {'works' if page.usable else 'does not work'}."
        page.to_do = hangs if simulated else ["See the self-test below."]
    elif page.chosen == "auto":
        _judge_all(page, simulated)
    else:
        _judge_chosen(page)


def _wrong(chosen: str) -> str | None:
    try:
        backend_for(chosen)
    except CallerError as error:
        return str(error)
    return None


def _judge_trial(page: Page, trial: list[Step]) -> None:
    bad = [each for each in trial if each.state in (PROBLEM, TIMED_OUT)]
    page.usable = not bad
    if not bad:
        page.verdict = f"{page.chosen} works, as far as it goes alone."
        return
    page.verdict = f"{page.chosen} does not work: {bad[0].step}."
    page.to_do = [bad[0].text, *_advice(page, page.chosen)]


def _judge_all(page: Page, simulated: bool) -> None:
    """No adapter is chosen: one of the system's will do, or the simulated radio."""
    usable = [each.adapter for each in page.adapters if each.state == USABLE]
    real = [each for each in usable if not each.startswith("virtual")]
    maybe = [each.adapter for each in page.adapters if each.state == MAYBE]
    page.usable = bool(real) or simulated
    if real:
        page.verdict = f"{real[0]} can be used, and is what programs get that choose none."
        return
    if maybe:
        page.to_do += [f"bleio doctor --adapter {each} tries it" for each in maybe[:3]]
    if simulated:
        page.verdict = "no real adapter can be used as it is; the simulated radio works."
        page.to_do.append("BLEIO_ADAPTER=virtual:desk python program.py, in two terminals, uses it")
    else:
        page.verdict = "no adapter can be used, and the self-test fails."
        page.to_do.append("See the self-test below.")
    page.to_do += _advice(page, "os")


def _judge_chosen(page: Page) -> None:
    """An adapter is chosen by the environment, so it is only looked at."""
    own = [each for each in page.adapters if _is(each.adapter, page.chosen)]
    if any(each.state == USABLE for each in own):
        page.usable, page.verdict = True, f"{page.chosen} can be used."
        return
    known = page.chosen.startswith(("os", "hci:usb:", "hci:serial:", "esphome:"))
    if known and not any(each.state == MAYBE for each in own):
        page.verdict = f"{page.chosen} cannot be used."
        page.to_do = _advice(page, page.chosen) or [
            "There is no such device: plug it in, or choose another adapter by BLEIO_ADAPTER."
        ]
        return
    page.usable = True
    page.verdict = f"{page.chosen} is chosen, and may work."
    page.to_do = [f"bleio doctor --adapter {page.chosen} opens and tries it"]


def _is(found: str, chosen: str) -> bool:
    """Whether an adapter that was found is the one that is chosen, or one of it."""
    if chosen == "os":
        return found.startswith("os")
    if chosen.startswith("hci:serial:"):
        return found.partition(",")[0] == chosen.partition(",")[0]
    if chosen.startswith("esphome:"):
        return found.startswith("esphome:")
    return found == chosen


def _advice(page: Page, chosen: str) -> list[str]:
    """Return what is said of an adapter that cannot be used, and what helps."""
    found: list[str] = []
    for each in page.adapters:
        if _is(each.adapter, chosen) and each.state in (UNUSABLE, TIMED_OUT):
            found += [each.text, *each.to_do]
    return found
