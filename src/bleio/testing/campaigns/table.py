"""A summary as text: a line for each choice of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bleio.testing.campaigns.summary import Estimate, Group

Expected = Callable[..., Mapping[str, float]]


def table_of(groups: Iterable[Group], expected: Expected | None = None) -> str:
    """Return the table, with what a model expects, where one is given."""
    rows: list[dict[str, str]] = []
    for group in groups:
        row = {name: str(value) for name, value in group.parameters.items()}
        row |= {"worlds": str(group.worlds), "failed": str(group.failed)}
        model = expected(**group.parameters) if expected is not None else {}
        for name, estimate in group.estimates().items():
            row |= {name: _number(estimate.mean), f"{name} 95 %": _interval(estimate)}
            if estimate.missing:
                row[f"{name} none"] = str(estimate.missing)
            if name in model:
                row[f"{name} expected"] = _number(model[name])
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in names}
    lines = [{name: name for name in names}, *rows]
    return "".join(f"{_line(each, widths)}\n" for each in lines)


def _line(row: Mapping[str, str], widths: Mapping[str, int]) -> str:
    return "  ".join(row.get(name, "").rjust(width) for name, width in widths.items())


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_number(estimate.low)} to {_number(estimate.high)}"


def _number(value: Any) -> str:
    return f"{value:.4g}"
