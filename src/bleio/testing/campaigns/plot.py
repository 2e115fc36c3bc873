"""A summary as a picture, where matplotlib is installed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bleio.testing.campaigns.errors import CampaignError
from bleio.testing.campaigns.plan import Parameters
from bleio.testing.campaigns.summary import Estimate, Group
from bleio.testing.campaigns.table import Expected

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_INCHES = (7.0, 3.5)
Point = tuple[Parameters, Estimate]


def plot_to(
    path: str | os.PathLike[str], groups: Sequence[Group], expected: Expected | None
) -> None:
    """Draw a panel for each result. Raises: CampaignError; ValueError; OSError."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CampaignError(
            'A plot needs the package matplotlib: pip install "bleio[plot]"'
        ) from error
    estimates = [(group.parameters, group.estimates()) for group in groups]
    names = list(dict.fromkeys(name for _, each in estimates for name in each))
    if not names:
        raise CampaignError("There is nothing to draw: no world returned a number")
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width, height * len(names)), layout="constrained")
    panels = figure.subplots(len(names), squeeze=False)[:, 0]
    for name, panel in zip(names, panels, strict=True):
        points = [(parameters, each[name]) for parameters, each in estimates if name in each]
        _draw_panel(panel, name, points, expected)
    figure.savefig(path)


def _draw_panel(panel: Axes, name: str, points: Sequence[Point], expected: Expected | None) -> None:
    """Draw a line for each choice of all parameters but the first, which is the axis."""
    lines: dict[str, list[Point]] = {}
    for parameters, estimate in points:
        rest = list(parameters.items())[1:]
        label = ", ".join(f"{other} {value}" for other, value in rest)
        lines.setdefault(label, []).append((parameters, estimate))
    for label, line in lines.items():
        places = [_place(next(iter(parameters.values()))) for parameters, _ in line]
        colour = _draw_line(panel, label, places, [estimate for _, estimate in line])
        models = [expected(**parameters) for parameters, _ in line] if expected else []
        if models and all(name in each for each in models):
            model = [each[name] for each in models]
            panel.plot(places, model, "--", color=colour, label=f"{label} expected".strip())
    panel.set_xlabel(next(iter(points[0][0]), ""))
    panel.set_ylabel(name)
    panel.grid(alpha=0.3)
    if panel.get_legend_handles_labels()[1]:
        panel.legend(fontsize="small")


def _draw_line(
    panel: Axes, label: str, places: Sequence[float | str], estimates: Sequence[Estimate]
) -> Any:
    """Draw means with their intervals, where they have any. Returns: the colour."""
    means = [each.mean for each in estimates]
    below = [0.0 if each.low is None else each.mean - each.low for each in estimates]
    above = [0.0 if each.high is None else each.high - each.mean for each in estimates]
    bars = panel.errorbar(places, means, yerr=(below, above), marker="o", capsize=3, label=label)
    return bars[0].get_color()


def _place(value: object) -> float | str:
    """Return where a parameter is on the axis."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
