"""The error of a program that has no adapter: what was looked for, what was found, what to do.

The operating system's own part has failed already and said why, in one sentence. That is the first
thing to read, but it is seldom all: that D-Bus is not there is better understood with "this is a
container", and whoever has no bluetoothd may have a dongle. So the error goes on with what the
machine shows, and with adapter strings that can be typed as they are, each with what it takes on
this machine: the dongle that is plugged in, not dongles in general. It is several lines long, since
it is read by people, once.
"""

from __future__ import annotations

from collections.abc import Iterator

from bleio.backends.os.finding.machine import Board, Controller, Dongle, Machine

_HEAD = "No adapter is chosen (BLEIO_ADAPTER), and the operating system's Bluetooth cannot be used."
_BLUEZ_HAS_NONE = "BlueZ has none"  # of `bluez.troubles`
_SIMULATED = "a simulated radio, shared by all programs that use this name"


def explanation(reason: str, machine: Machine | None) -> str:
    """Return the whole text.

    Args: reason: the sentence of what was tried. machine: what there is; None where nobody looks,
        as on Windows and macOS.
    """
    lines = [_HEAD, reason]
    if machine is not None:
        lines += hints(reason, machine)
        lines.append("Found on this machine:")
        lines += [f"  {each}" for each in _found(machine)]
    lines.append("Other adapters, as values of BLEIO_ADAPTER:")
    choices = [*_choices(machine), ("virtual:desk", _SIMULATED)]
    width = max(len(string) for string, _ in choices)
    lines += [f"  {string:{width}}  {meaning}" for string, meaning in choices]
    lines.append("`bleio doctor` looks further, and has the commands that help.")
    return "\n".join(lines)


def hints(reason: str, machine: Machine) -> Iterator[str]:
    """Yield what is behind the reason, as far as the machine shows it and it does not say so."""
    if machine.container and machine.bus_is_there is False:
        yield (
            f"This is a container ({machine.container}) without the host's D-Bus: start it with"
            " -v /run/dbus:/run/dbus to use the host's Bluetooth."
        )
    if machine.wsl:
        yield (
            "This is Linux within Windows (WSL), which has no part in Windows' Bluetooth: run the"
            " program with Windows' own Python, or pass a dongle to it with usbipd."
        )
    for each in machine.controllers:
        if "rfkill" in reason:
            break
        if each.blocked == "by software":
            yield f"{each.name} is switched off: rfkill unblock bluetooth switches it on."
        elif each.blocked:
            yield f"{each.name} is switched off by a switch or a key of this computer."
        elif _BLUEZ_HAS_NONE in reason:
            yield (
                f"{each.name} is there, but not bluetoothd's: another program may use it alone,"
                " as hci:hci-socket and hci:usb do."
            )


def _found(machine: Machine) -> Iterator[str]:
    """Yield a line for each place that was looked at."""
    there = {True: " is there", False: " is not there", None: ""}[machine.bus_is_there]
    yield f"D-Bus: {machine.bus}{there}"
    if machine.container:
        yield f"bluetoothd: not to be seen from within a container ({machine.container})"
    else:
        daemon = {"running": "running", "installed": "installed, not running"}
        yield f"bluetoothd: {daemon.get(machine.daemon, 'not installed')}"
    yield f"controllers of the kernel: {_list(map(_controller, machine.controllers))}"
    yield f"USB dongles: {_list(map(_dongle, machine.dongles))}"
    yield f"serial boards: {_list(map(_board, machine.boards))}"


def _list(parts: Iterator[str]) -> str:
    return "; ".join(parts) or "none"


def _controller(controller: Controller) -> str:
    blocked = f", switched off {controller.blocked}" if controller.blocked else ""
    return f"{controller.name} ({controller.kind}){blocked}"


def _dongle(dongle: Dongle) -> str:
    if not dongle.driver:
        holder = "held by nothing"
    elif dongle.controller:
        holder = f"held by the kernel ({dongle.driver}) as {dongle.controller}"
    else:
        holder = f"held by {dongle.driver}"
    return f"{dongle.product} ({dongle.ids}), {holder}"


def _board(board: Board) -> str:
    return f"{board.path} ({board.product})"


def _choices(machine: Machine | None) -> Iterator[tuple[str, str]]:
    """Yield adapter strings, and what each is here; what is there before what could be."""
    if machine is None or not machine.dongles:
        yield "hci:usb:0", "a USB Bluetooth dongle, once one is plugged in"
    else:
        for number, dongle in enumerate(machine.dongles):
            yield f"hci:usb:{number}", _dongle_as_choice(dongle)
    for controller in machine.controllers if machine is not None else ():
        number_of_kernel = controller.name.removeprefix("hci")
        yield (
            f"hci:hci-socket:{number_of_kernel}",
            f"{controller.name} without bluetoothd, for root or with CAP_NET_ADMIN, once it is down"
            f" (hciconfig {controller.name} down)",
        )
    if machine is None or not machine.boards:
        yield "hci:serial:/dev/ttyACM0,1000000", "a board with a firmware that speaks HCI"
    else:
        for board in machine.boards:
            yield f"hci:serial:{board.path},1000000", _board_as_choice(board)


def _dongle_as_choice(dongle: Dongle) -> str:
    taken = f", taken from the kernel ({dongle.driver})" if dongle.driver else ""
    rights = "" if dongle.usable else f"; this user may not open {dongle.node}"
    return f"{dongle.product} without bluetoothd{taken}{rights}"


def _board_as_choice(board: Board) -> str:
    rights = ""
    if not board.usable:
        rights = f"; this user is not in the group {board.group}" if board.group else "; no access"
    return f"{board.product}, if it has a firmware that speaks HCI{rights}"
