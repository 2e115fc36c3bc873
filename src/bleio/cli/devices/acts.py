"""What is done with one value of a device: read, written, subscribed to.

What a characteristic's properties say it has not is refused here, with what it has and what can be
done instead. Whether the device allows it is the device's to say.
"""

from __future__ import annotations

from bleio import aio
from bleio.cli.devices.choosing import Row, label
from bleio.cli.devices.connecting import Device
from bleio.cli.devices.problems import Refused
from bleio.cli.devices.table import CharacteristicRow, DescriptorRow, read_value
from bleio.core.codes import Properties

_COMMANDS = Properties.WRITE_WITHOUT_RESPONSE | Properties.AUTHENTICATED_SIGNED_WRITES
_BOTH = Properties.NOTIFY | Properties.INDICATE
_PRESENTATION_FORMAT = 0x2904


def is_readable(row: Row) -> bool:
    """Whether a row says that it can be read."""
    return isinstance(row, DescriptorRow) or bool(row.properties & Properties.READ)


def check_readable(device: Device, row: Row) -> None:
    """Raises: Refused, with what can be done in place of reading."""
    if is_readable(row):
        return
    assert isinstance(row, CharacteristicRow)
    names = ", ".join(row.property_names) or "no properties"
    subscribable = row.properties & _BOTH
    instead = " It sends its values: bleio notify shows them." if subscribable else ""
    raise Refused(f"{label(row)} of {device} cannot be read (it has {names}).{instead}")


async def read_row(row: Row) -> bytes:
    """Read a row, and what says how its value is made."""
    if isinstance(row, DescriptorRow):
        return bytes(await aio.read(row.descriptor))
    octets = bytes(await aio.read(row.characteristic))
    await learn_presentation(row)
    return octets


async def learn_presentation(row: CharacteristicRow) -> None:
    """Read the presentation format of a characteristic, if it has one."""
    if (form := row.descriptor(_PRESENTATION_FORMAT)) is not None and form.value.octets is None:
        form.value = await read_value(form)


def is_writable(row: Row) -> bool:
    """Whether a row says that it can be written."""
    return isinstance(row, DescriptorRow) or bool(row.properties & (_COMMANDS | Properties.WRITE))


async def write_row(device: Device, row: Row, octets: bytes, response: bool | None) -> bool:
    """Write a row. Returns: whether the device has answered. Raises: Refused; what a write raises.

    By default with response where there is one, since only then the device tells of a refusal.
    """
    if isinstance(row, DescriptorRow):
        await aio.write(row.descriptor, octets)
        return True
    with_response = _checked_response(device, row, response)
    await aio.write(row.characteristic, octets, response=with_response)
    return with_response


def _checked_response(device: Device, row: CharacteristicRow, response: bool | None) -> bool:
    able = {True: bool(row.properties & Properties.WRITE), False: bool(row.properties & _COMMANDS)}
    names = ", ".join(row.property_names) or "no properties"
    if not any(able.values()):
        raise Refused(f"{label(row)} of {device} cannot be written (it has {names}).")
    with_response = able[True] if response is None else response
    if not able[with_response]:
        how = "with response: take --no-response" if with_response else "without response"
        raise Refused(f"{label(row)} of {device} cannot be written {how} (it has {names}).")
    return with_response


def is_subscribable(row: Row) -> bool:
    """Whether a row says that it sends its values."""
    return isinstance(row, CharacteristicRow) and bool(row.properties & _BOTH)


def check_subscribable(device: Device, row: Row) -> CharacteristicRow:
    """Return the row. Raises: Refused, with what can be done in place of listening."""
    if not isinstance(row, CharacteristicRow):
        raise Refused(f"{label(row)} of {device} is a descriptor, which sends nothing by itself.")
    if not row.properties & _BOTH:
        names = ", ".join(row.property_names) or "no properties"
        instead = " bleio read reads it." if row.properties & Properties.READ else ""
        raise Refused(
            f"{label(row)} of {device} sends nothing by itself (it has {names}).{instead}"
        )
    return row


def indicates(row: CharacteristicRow, wanted: bool) -> bool:
    """Whether its values come as indications. Raises: Refused if they are wanted and cannot."""
    if wanted and not row.properties & Properties.INDICATE:
        raise Refused(f"{label(row)} has no indications; leave out --indicate.")
    return wanted or not row.properties & Properties.NOTIFY
