"""Records of devices that nobody has built, ordinary and hostile: made by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from bleio.cli.cloning.record import (
    Access,
    Advertising,
    Answer,
    Characteristic,
    Descriptor,
    Exchange,
    Paired,
    Read,
    Record,
    Sent,
    Service,
)
from bleio.cli.cloning.table import VALUES, WRITES

# What breaks out of literals and comments, if anything does.
NASTY = (
    *('"', "'", "\\", '"""', "'''", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"),
    *("\x00", "\x1b[2J", "\u202e", "\u05d0", "\ud800", "{", "}", "%s", "\\N{DIGIT ONE}", "#", "# "),
    *('"; import os; "', "\nimport os\n", "é", "e\u0301\u0301", "\U0001f600", "界", "\\u0041"),
    *("fmt: off ", "noqa"),
)
texts = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(max_size=8), st.just("Heart Rate")), max_size=4
).map("".join)
values = st.one_of(
    st.binary(max_size=70),
    st.binary(min_size=480, max_size=512),
    texts.map(lambda text: text.encode("utf-8", "surrogatepass")[:512]),
)
uuids = st.one_of(st.binary(min_size=2, max_size=2), st.binary(min_size=16, max_size=16))
names = st.one_of(texts, st.sampled_from(["Heart Rate", "class", "time", "print", "adapter", "1"]))
times = st.integers(0, 20_000)


@st.composite
def reads(draw: st.DrawFn) -> Read:
    """Return a read that can have been."""
    if draw(st.booleans()):
        access = draw(st.sampled_from([Access.OPEN, Access.ENCRYPTED]))
        found = draw(st.lists(values, min_size=1, max_size=3))
        return Read(access, found, draw(texts))
    return Read(draw(st.sampled_from(list(Access))), [], "", draw(texts))


descriptors = st.builds(Descriptor, uuids, names, reads())


def able(it: Characteristic) -> Characteristic:
    """Return it without what it cannot have sent."""
    if not it.properties & VALUES:
        it.sent = []
    return it


characteristics = st.builds(
    Characteristic,
    uuids,
    st.integers(0, 255),
    names,
    reads(),
    st.sampled_from(list(Access)),
    st.lists(descriptors, max_size=3),
    st.lists(st.builds(Sent, times, values, texts), max_size=4).map(
        lambda sent: sorted(sent, key=lambda each: each.after_ms)
    ),
).map(able)
services = st.builds(
    Service,
    st.one_of(uuids, st.sampled_from([b"\x00\x18", b"\x01\x18"])),
    names,
    st.lists(uuids, max_size=2),
    st.lists(characteristics, max_size=4),
)
advertisings = st.builds(
    Advertising,
    st.one_of(st.binary(max_size=31), st.binary(max_size=300), st.just(b"\x02\x01\x06")),
    st.none() | st.binary(max_size=31),
    st.booleans(),
    st.none() | st.floats(0.1, 20_000, allow_nan=False),
    st.integers(0, 3),
    st.booleans(),
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Return a record of any device."""
    record = Record(
        draw(texts),
        draw(st.none() | st.binary(min_size=6, max_size=6)),
        draw(st.sampled_from(["", "public", "random_static"])),
        draw(advertisings),
        draw(st.sampled_from(list(Paired))),
        draw(st.lists(services, max_size=3)),
        draw(times),
    )
    places = [
        (index, place)
        for index, service in enumerate(record.services)
        for place, _ in enumerate(service.characteristics)
    ]
    written = [each for each in places if record.at(each).properties & WRITES]
    telling = [each for each in places if record.at(each).properties & VALUES]
    if written:
        answer = st.builds(Answer, times, st.sampled_from(telling), values)
        answers = st.lists(answer, max_size=3) if telling else st.just([])
        said = st.builds(Exchange, st.sampled_from(written), values.filter(bool), answers)
        record.exchanges = draw(st.lists(said, max_size=3))
    return record
