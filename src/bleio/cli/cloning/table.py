"""The table of a twin as source: services, characteristics and descriptors, in their order.

GAP and GATT are left out, for every stack has its own; what the device had there is for a comment.
Permissions to write are not known, since nothing was written to find out: where reading or
subscribing asks for encryption, writing does too.
"""

from __future__ import annotations

from bleio.cli.cloning import literals
from bleio.cli.cloning.literals import assigned, comment, commented
from bleio.cli.cloning.naming import Names
from bleio.cli.cloning.record import (
    Access,
    Characteristic,
    Descriptor,
    Place,
    Read,
    Record,
    Service,
)
from bleio.core.codes import GattUuid, Properties
from bleio.core.uuid import expand, to_text, uuid16
from bleio.decoding.octets import value_text

OWN_SERVICES = frozenset(
    {expand(uuid16(GattUuid.GENERIC_ACCESS)), expand(uuid16(GattUuid.GENERIC_ATTRIBUTE))}
)
WRITES = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
VALUES = Properties.NOTIFY | Properties.INDICATE
_GAP = expand(uuid16(GattUuid.GENERIC_ACCESS))
_DEVICE_NAME = expand(uuid16(GattUuid.DEVICE_NAME))
_USER_DESCRIPTION = uuid16(0x2901)
# Descriptors that describe, and are for reading alone.
_DESCRIBING = frozenset(uuid16(0x2900 + each) for each in (0, 1, 4, 5, 6, 7, 8))
_WORDS = (
    (Properties.BROADCAST, "BROADCAST"),
    (Properties.READ, "READ"),
    (Properties.WRITE_WITHOUT_RESPONSE, "WRITE_NO_RESPONSE"),
    (Properties.WRITE, "WRITE"),
    (Properties.NOTIFY, "NOTIFY"),
    (Properties.INDICATE, "INDICATE"),
)
_NOT_SAID = (
    (Properties.AUTHENTICATED_SIGNED_WRITES, "signed writes"),
    (Properties.EXTENDED_PROPERTIES, "extended properties"),
)
_PERMISSIONS = {Access.ENCRYPTED: "ENCRYPTED", Access.AUTHENTICATED: "AUTHENTICATED"}
_MOST_CHANGES = 4


class Table:
    """The table's source.

    Attributes: constants: values that are too long for a call. services: the lines of each. own:
    what the stack's own services had, for a comment. used: the names of constants that it takes.
    variables: of characteristics.
    """

    def __init__(self, record: Record, names: Names) -> None:
        self._record = record
        self._names = names
        self.variables: dict[Place, str] = {}
        self.constants: list[list[str]] = []
        self.used: set[str] = set()
        self.own: list[str] = []
        self._involved = {
            place
            for each in record.exchanges
            for place in (each.place, *(answer.place for answer in each.answers))
        }
        self.services = [
            self._service(index, service)
            for index, service in enumerate(record.services)
            if not self._is_own(service)
        ]

    def _is_own(self, service: Service) -> bool:
        own = expand(service.uuid) in OWN_SERVICES
        if expand(service.uuid) == _GAP:
            self.own += [
                f"{each.name or to_text(each.uuid)}: {each.read.shown or value_text(value)}"
                for each in service.characteristics
                for value in each.read.values[:1]
                if expand(each.uuid) != _DEVICE_NAME and any(value)
            ]
        return own

    def _service(self, index: int, service: Service) -> list[str]:
        variable = self._names.of(service.name, f"service_{index + 1}")
        lines = comment(service.name) if service.name else []
        for included in service.includes:
            lines += comment(f"It includes {to_text(included)}, which _bleio cannot say.")
        lines += _call(f"{variable} = _bleio.Service", [_uuid(service.uuid)])
        for place, each in enumerate(service.characteristics):
            lines += self._characteristic((index, place), variable, each)
        return lines

    def _characteristic(self, place: Place, service: str, it: Characteristic) -> list[str]:
        name = self._names.of(it.name, f"characteristic_{place[0] + 1}_{place[1] + 1}")
        self.variables[place] = name
        described = _user_description(it)
        others = it.descriptors[1:] if described else it.descriptors
        acts = it.properties & WRITES or (it.properties & VALUES and it.sent)
        is_named = acts or place in self._involved or others
        lines = [
            *_remarks(it),
            f"{f'{name} = ' if is_named else ''}_bleio.Characteristic.add_to_service(",
            f"    {service},",
            *commented(f"    {_uuid(it.uuid)},", it.name),
            *self._arguments(name, place, it),
            *described,
            ")",
        ]
        for number, each in enumerate(others):
            lines += self._descriptor(name, f"{name}_descriptor_{number + 1}", each)
        return lines

    def _arguments(self, name: str, place: Place, it: Characteristic) -> list[str]:
        words = [word for bit, word in _WORDS if it.properties & bit]
        self.used.update(words)
        lines = [f"    properties={' | '.join(words) or '0'},"]
        # The API has one word for reading and for subscribing.
        access = it.read.access if it.properties & Properties.READ else it.subscribing
        if permission := self._permission(access):
            lines.append(f"    read_perm={permission},")
            if it.properties & WRITES:
                lines.append(f"    write_perm={permission},")
        elif access is Access.REFUSED and not it.properties & VALUES:
            self.used.add("NO_ACCESS")
            lines.append("    read_perm=NO_ACCESS,")
        if it.properties & WRITES:
            self.used.add("MAX_WRITTEN")
            lines.append("    max_length=MAX_WRITTEN,")
        elif length := max(map(len, self._all_values(place, it)), default=0):
            lines.append(f"    max_length={length},")
        return lines + self._initial(name, it.read)

    def _permission(self, access: Access) -> str:
        permission = _PERMISSIONS.get(access, "")
        self.used.update({permission} - {""})
        return permission

    def _all_values(self, place: Place, it: Characteristic) -> list[bytes]:
        answers = [answer for each in self._record.exchanges for answer in each.answers]
        return [
            *it.read.values,
            *(each.value for each in it.sent),
            *(each.value for each in answers if each.place == place),
        ]

    def _initial(self, name: str, read: Read) -> list[str]:
        """Return the argument with the value that was read, or nothing."""
        if not read.values or not read.values[0]:
            return []
        line = f"    initial_value={literals.octets(read.values[0])},"
        if literals.fits(line):
            return commented(line, read.shown)
        constant = self._names.derived(name, "value").upper()
        self.constants.append(assigned(constant, read.values[0], read.shown))
        return [f"    initial_value={constant},"]

    def _descriptor(self, owner: str, name: str, it: Descriptor) -> list[str]:
        reading = writing = self._permission(it.read.access)
        if it.read.access is Access.REFUSED:
            reading = "NO_ACCESS"
        if it.uuid in _DESCRIBING:
            writing = "NO_ACCESS"
        self.used.update({reading, writing} - {""})
        length = max(map(len, it.read.values), default=0)
        return [
            *_unread(it.read),
            "_bleio.Descriptor.add_to_characteristic(",
            f"    {owner},",
            *commented(f"    {_uuid(it.uuid)},", it.name),
            *([f"    read_perm={reading},"] if reading else []),
            *([f"    write_perm={writing},"] if writing else []),
            *([f"    max_length={length},"] if length else []),
            *self._initial(name, it.read),
            ")",
        ]


def _user_description(it: Characteristic) -> list[str]:
    """Return the argument for the first descriptor, if there is one for such a descriptor."""
    first = it.descriptors[0] if it.descriptors else None
    if first is None or first.uuid != _USER_DESCRIPTION or first.read.access is not Access.OPEN:
        return []
    try:
        text = first.read.values[0].decode()
    except (IndexError, UnicodeDecodeError):
        return []
    line = f"    user_description={literals.text(text)},"
    return [line] if text and literals.fits(line) else []


def _remarks(it: Characteristic) -> list[str]:
    """Say what the call does not."""
    lines = []
    for bit, what in _NOT_SAID:
        if it.properties & bit:
            lines += comment(f"It has {what} too, for which _bleio has no property.")
    if it.properties & Properties.READ:
        lines += _unread(it.read)
    if changes := it.read.values[1:]:
        shown = ", ".join(map(value_text, changes[:_MOST_CHANGES]))
        more = ", ..." if len(changes) > _MOST_CHANGES else ""
        lines += comment(f"Its value changed while it was watched: {shown}{more}.")
    return lines


def _unread(read: Read) -> list[str]:
    if read.values or read.access is Access.UNKNOWN:
        return []
    return comment(f"Its value could not be read: {read.refusal or 'no reason is known'}.")


def _call(function: str, arguments: list[str]) -> list[str]:
    """Return a call in one line, or with all arguments in another one."""
    line = f"{function}({', '.join(arguments)})"
    if literals.fits(line):
        return [line]
    return [f"{function}(", f"    {', '.join(arguments)}", ")"]


def _uuid(uuid: bytes) -> str:
    if len(uuid) == 2:
        return f"_bleio.UUID(0x{to_text(uuid).upper()})"
    return f'_bleio.UUID("{to_text(uuid)}")'
