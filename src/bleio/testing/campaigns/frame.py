"""Rows of results as a pandas frame, where pandas is installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bleio.testing.campaigns.errors import CampaignError
from bleio.testing.campaigns.plan import Parameters
from bleio.testing.campaigns.results import Row

if TYPE_CHECKING:
    import pandas


def frame_of(choices: Sequence[Parameters], rows: Iterable[Row]) -> pandas.DataFrame:
    """Return a frame, sorted so that it is the same whoever was first. Raises: CampaignError."""
    try:
        import pandas
    except ImportError as error:
        raise CampaignError("A frame needs the package pandas: pip install pandas") from error
    frame = pandas.DataFrame(list(rows))
    if frame.empty:
        return frame
    order = [*choices[0], "seed"]
    rest = [name for name in frame.columns if name not in order]
    place = {tuple(each.values()): index for index, each in enumerate(choices)}
    key = [place[tuple(row[: len(order) - 1])] for row in frame[order].itertuples(index=False)]
    sorted_frame = frame.assign(_place=key).sort_values(["_place", "seed"], ignore_index=True)
    return sorted_frame[[*order, *rest]]
