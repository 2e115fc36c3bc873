"""The file of a campaign, which grows by a line for each world, and the captures beside it.

The first line says which campaign it is, the others have a world each: seed, parameters, and
results or an error, as JSON. A line is written as soon as its world is known, so a process that is
killed loses nothing that was written; the last line may then be half of one, and is cut off by
whatever goes on. Whether that is the same campaign is decided by the first line.

One process writes at a time; the system's lock goes with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from bleio import __version__
from bleio.files import create, naming, open_descriptor
from bleio.locks import FileLock
from bleio.testing.air.captures import as_file_name
from bleio.testing.campaigns.errors import CampaignError
from bleio.testing.campaigns.plan import Plan, label_of
from bleio.testing.campaigns.scenario import Scenario
from bleio.testing.campaigns.worlds import Outcome

FORMAT = 1
MOST_CAPTURES = 1000
MOST_OF_LABEL = 80  # of a file's name; with the number of the choice no two are the same
Row = dict[str, Any]


class ResultsFile:
    """The file of a campaign, open for more; worlds that it has are marked in the plan.

    Args: fresh: forget what the file has.
    Attributes: failed: how many of its worlds failed.
    Raises: CampaignError if it is not of this campaign, or in use; OSError.
    """

    def __init__(self, path: Path, scenario: Scenario, plan: Plan, *, fresh: bool) -> None:
        self.path = path
        self.failed = 0
        self._plan = plan
        self._folder = captures_folder(path)
        with ExitStack() as unless_open:
            lock = FileLock(path.with_name(f"{path.name}.lock"))
            if not lock.try_acquire():
                raise CampaignError(
                    f"Another campaign (process {lock.holder() or 'unknown'}) is writing {path};"
                    " wait for its end, or give another file"
                )
            unless_open.callback(lock.release)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            self._file: IO[bytes] = unless_open.enter_context(
                open(open_descriptor(path, flags), "ab", buffering=0)
            )
            self._begin(header_of(scenario, plan), fresh)
            self._captures = sum(1 for _ in self._folder.glob("*.pcapng"))
            self.close = unless_open.pop_all().close

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Write what came of worlds, at once. Raises: OSError."""
        rows = [dict(outcome.row) for outcome in outcomes]
        for row, outcome in zip(rows, outcomes, strict=True):
            if "error" in row:
                row["capture"] = self._keep(row, outcome.capture)
        self._write(rows)
        for row in rows:
            self._note(row)

    def _begin(self, header: Row, fresh: bool) -> None:
        former, end = None, 0
        for row, end in _lines(self.path):
            if former is not None:
                self._take(row, end)
                continue
            former = check_is_campaign(row, self.path)
            if fresh:
                break
            _check_same(former, header["campaign"], self.path)
        if former is None and self._file.tell() > 0:
            _check_begun(self.path)
        if former is None or fresh:
            end = 0
            for capture in self._folder.glob("*.pcapng"):
                capture.unlink()
        self._file.truncate(end)
        if not end:
            self._write([header])

    def _take(self, row: Any, end: int) -> None:
        if not isinstance(row, dict) or self._plan.choice_of(row) is None or "seed" not in row:
            raise CampaignError(
                f"{self.path} has a line that is no result of this campaign, which ends at octet"
                f" {end}; mend it, or give another file"
            )
        self._note(row)

    def _note(self, row: Row) -> None:
        choice = self._plan.choice_of(row)
        assert choice is not None
        self.failed += "error" in row
        self._plan.mark(choice, row["seed"])

    def _write(self, rows: Iterable[Row]) -> None:
        octets = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        with naming(self.path):
            while octets:
                octets = octets[self._file.write(octets) :]

    def _keep(self, row: Row, capture: bytes | None) -> str | None:
        """Write a capture. Returns: its path from the folder of the results."""
        if capture is None or self._captures >= MOST_CAPTURES:
            return None
        choice = self._plan.choice_of(row)
        assert choice is not None
        label = label_of(row["seed"], self._plan.choices[choice])[:MOST_OF_LABEL]
        path = self._folder / f"{as_file_name(f'{label},{choice}')}.pcapng"
        self._folder.mkdir(exist_ok=True)
        with naming(path), open(create(path), "wb") as file:
            file.write(capture)
        self._captures += 1
        return path.relative_to(self.path.parent).as_posix()


def header_of(scenario: Scenario, plan: Plan) -> Row:
    """Return the first line of a file: what has to be the same for a campaign to go on."""
    return {
        "campaign": {
            "format": FORMAT,
            "version": __version__,
            "scenario": f"{scenario.file}:{scenario.function}",
            "digest": scenario.digest,
            "parameters": plan.choices,
        }
    }


def captures_folder(path: Path) -> Path:
    """Return where captures of failed worlds are, for a file of results."""
    return path.with_name(f"{path.stem}.failed")


def rows_of(path: Path) -> Iterator[Row]:
    """Yield the header of a file of results, and then its rows. Raises: CampaignError; OSError."""
    lines = _lines(path)
    for row, _ in lines:
        yield check_is_campaign(row, path)
        break
    else:
        raise CampaignError(_foreign(path))
    for row, _ in lines:
        yield row


def check_is_campaign(row: Any, path: Path) -> Row:
    """Return what the first line of a file says of a campaign. Raises: CampaignError."""
    campaign = row.get("campaign") if isinstance(row, dict) else None
    if not isinstance(campaign, dict) or not isinstance(campaign.get("parameters"), list):
        raise CampaignError(_foreign(path))
    if campaign.get("format") != FORMAT:
        raise CampaignError(f"{path} was written by another version of bleio; give another file")
    return campaign


def _lines(path: Path) -> Iterator[tuple[Any, int]]:
    """Yield what each whole line has, and where it ends. Raises: CampaignError; OSError."""
    end = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # half of one, since its process was killed
            end += len(line)
            try:
                row = json.loads(line)
            except ValueError:
                if number == 1:
                    raise CampaignError(_foreign(path)) from None
                raise CampaignError(
                    f"Line {number} of {path} is broken; remove it, and its world is run again"
                ) from None
            yield row, end


def _check_begun(path: Path) -> None:
    """Refuse a file without a whole line, unless it is a header that was being written."""
    with open(path, "rb") as file:
        if not file.read().startswith(b'{"campaign":'[: path.stat().st_size]):
            raise CampaignError(_foreign(path))


def _foreign(path: Path) -> str:
    return f"{path} has no results of a campaign, and stays as it is; give another file"


def _check_same(former: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    if former == now:
        return
    if former.get("scenario") != now["scenario"]:
        what = f"are of {former.get('scenario')}, not of {now['scenario']}"
    elif former.get("parameters") != now["parameters"]:
        what = "are of other parameters"
    elif former.get("version") != now["version"]:
        what = f"are of bleio {former.get('version')}, and this is {now['version']}"
    else:
        what = "were made before the scenario, or a file that it uses, was changed"
    raise CampaignError(
        f"The results in {path} {what}: go on with what they were made with, give another file,"
        " or begin anew, with --fresh or fresh=True"
    )
