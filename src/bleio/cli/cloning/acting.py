"""What a twin does while somebody is connected, as source: what it sends, and what it answers."""

from __future__ import annotations

from bleio.cli.cloning import literals
from bleio.cli.cloning.literals import argument, comment, item
from bleio.cli.cloning.naming import Names
from bleio.cli.cloning.record import Exchange, Place, Record
from bleio.cli.cloning.rhythm import answer_ms, steps_ms
from bleio.cli.cloning.table import VALUES, WRITES, Table

_SENT = "What it sent: how many seconds after the one before, and the value."


class Acts:
    """What runs in the loop.

    Attributes: constants: what was recorded. replays, listens: whether there are such parts. lines:
    what makes them.
    """

    def __init__(self, record: Record, table: Table, names: Names) -> None:
        self._record = record
        self._table = table
        self._names = names
        self.constants: list[list[str]] = []
        self._parts: list[str] = []
        self._made: list[str] = []
        self._learnt: list[str] = []
        for place in table.variables:
            self._replay(place)
        self.replays = bool(self._parts)
        for place in table.variables:
            self._listen(place)
        self.listens = bool(self._made)
        parts = [f"    {each}," for each in self._parts]
        self.lines = [*self._made, "parts = [", *parts, "]", *self._learnt] if parts else []

    def _replay(self, place: Place) -> None:
        it, variable = self._record.at(place), self._table.variables[place]
        if not (it.properties & VALUES and it.sent):
            return
        constant = self._names.derived(variable, "sent").upper()
        steps = steps_ms([each.after_ms for each in it.sent], self._record.recorded_ms)
        lines = [*comment(_SENT), f"{constant} = ["]
        for step, each in zip(steps, it.sent, strict=False):
            lines += item([_seconds(step)], each.value, each.shown)
        self.constants.append([*lines, "]"])
        self._parts.append(f"Replay({variable}, {constant})")

    def _listen(self, place: Place) -> None:
        if not self._record.at(place).properties & WRITES:
            return
        written = self._table.variables[place]
        variable = self._names.derived(written, "written")
        arguments = f"{literals.text(written)}, {written}"
        line = f"{variable} = Written({arguments})"
        if literals.fits(line):
            self._made.append(line)
        else:
            self._made += [f"{variable} = Written(", f"    {arguments}", ")"]
        self._parts.append(variable)
        for each in self._record.exchanges:
            if each.place == place:
                self._learnt += self._lesson(variable, each)

    def _lesson(self, variable: str, exchange: Exchange) -> list[str]:
        lines = [f"{variable}.learn(", *argument(exchange.written)]
        for each in exchange.answers:
            if each.place not in self._table.variables:
                continue  # of a service that each stack has itself
            before = [_seconds(answer_ms(each.after_ms)), self._table.variables[each.place]]
            lines += item(before, each.value)
        return [*lines, ")"]


def _seconds(time_ms: int) -> str:
    return repr(time_ms / 1000)
