"""Which ways to a file another user could bend."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bleio import ownership
from bleio.ownership import risk_above

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of users and their permissions")


def folder(path: Path, mode: int = 0o755) -> Path:
    path.mkdir(parents=True)
    path.chmod(mode)
    return path


def deep(top: Path) -> tuple[Path, str | None]:
    return folder(top / "a" / "b") / "file", None


def missing_file_in_a_private_folder(top: Path) -> tuple[Path, str | None]:
    return folder(top / "a", 0o700) / "file", None


def sticky(top: Path) -> tuple[Path, str | None]:
    return folder(folder(top / "all", 0o1777) / "ours") / "file", None


def open_to_all(top: Path) -> tuple[Path, str | None]:
    all_may = folder(top / "all", 0o777)
    return folder(all_may / "ours") / "file", f"{all_may}, which other users may write"


def open_to_its_group(top: Path) -> tuple[Path, str | None]:
    group_may = folder(top / "group", 0o775)
    return group_may / "file", f"{group_may}, which other users may write"


def the_file_itself_is_not_judged(top: Path) -> tuple[Path, str | None]:
    return folder(top / "all", 0o777), None


def link_of_ours(top: Path) -> tuple[Path, str | None]:
    (top / "link").symlink_to(folder(top / "target"))
    return top / "link" / "file", None


def link_into_an_open_folder(top: Path) -> tuple[Path, str | None]:
    all_may = folder(top / "all", 0o777)
    (top / "link").symlink_to(folder(all_may / "target"))
    return top / "link" / "file", f"{all_may}, which other users may write"


def relative_link_by_an_open_folder(top: Path) -> tuple[Path, str | None]:
    all_may = folder(top / "all", 0o777)
    folder(top / "target")
    (top / "link").symlink_to(Path("all", "..", "target"))
    return top / "link" / "file", f"{all_may}, which other users may write"


def up_from_behind_a_link(top: Path) -> tuple[Path, str | None]:
    all_may = folder(top / "all", 0o777)
    (top / "link").symlink_to(folder(all_may / "target"))
    return top / "link" / ".." / "file", f"{all_may}, which other users may write"


def links_without_an_end(top: Path) -> tuple[Path, str | None]:
    (top / "link").symlink_to("link")
    return top / "link" / "file", f"{top / 'link'}, which is a link that leads to no end"


Case = Callable[[Path], tuple[Path, str | None]]


@pytest.mark.parametrize(
    "case",
    [
        *(deep, missing_file_in_a_private_folder, sticky, open_to_all, open_to_its_group),
        *(the_file_itself_is_not_judged, link_of_ours, link_into_an_open_folder),
        *(relative_link_by_an_open_folder, up_from_behind_a_link, links_without_an_end),
    ],
)
def test_ways(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "_is_private", lambda group: False)
    path, expected = case(tmp_path)
    assert risk_above(path) == (expected and f"is below {expected}")


def test_a_way_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        risk_above(tmp_path / "no" / "file")


def test_a_relative_path_begins_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder(tmp_path / "all", 0o777))
    assert risk_above(Path("file")) == f"is below {Path.cwd()}, which other users may write"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives folders away"
)
@pytest.mark.parametrize("behind", [0, 1, 2])
def test_another_users_link_anywhere_on_the_way(tmp_path: Path, behind: int) -> None:
    """Links lead to links; each of them may be another user's."""
    (tmp_path / "2").symlink_to(folder(tmp_path / "target"))
    (tmp_path / "1").symlink_to(tmp_path / "2")
    (tmp_path / "0").symlink_to(tmp_path / "1")
    assert risk_above(tmp_path / "0" / "file") is None
    os.lchown(tmp_path / f"{behind}", 54321, 54321)
    assert risk_above(tmp_path / "0" / "file") == (
        f"is below {tmp_path / str(behind)}, which belongs to another user"
    )


@pytest.mark.parametrize(
    ("group", "name", "members", "private"),
    [
        (1000, "ada", [], True),
        (1000, "ada", ["ada"], True),
        (1000, "ada", ["ada", "charles"], False),
        (1000, "users", [], False),
        (1001, "ada", [], False),
        (0, "root", ["ada", "charles"], True),
        (None, "", [], False),
    ],
)
def test_the_group_of_a_user(
    group: int | None,
    name: str,
    members: list[str],
    private: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many systems make one for each user, of its name, and let it write what the user makes."""
    import grp
    import pwd

    def of_group(number: int) -> SimpleNamespace:
        if group is None:
            raise KeyError(number)
        return SimpleNamespace(gr_name=name, gr_mem=members)

    def of_user(number: int) -> SimpleNamespace:
        return SimpleNamespace(pw_name="ada", pw_gid=None if group is None else 1000)

    monkeypatch.setattr(pwd, "getpwuid", of_user)
    monkeypatch.setattr(grp, "getgrgid", of_group)

    def writable(mode: int) -> bool:
        status = os.stat_result(
            (mode, 0, 0, 1, os.geteuid(), 5 if group is None else group, 0, 0, 0, 0)
        )
        return ownership.others_may_write(status)

    assert writable(0o100660) is writable(0o40775) is not private
    assert not writable(0o100640)
    assert writable(0o100662)


def test_where_root_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in many sandboxes: what is root's outside, and other users', is nobody's inside."""
    nobody, ours = 65534, os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: ours)
    modes = {"/": 0o755, "/home": 0o755, "/tmp": 0o1777, "/tmp/runtime": 0o755, "/tmp/own": 0o700}
    owners = dict.fromkeys(modes, nobody) | {"/tmp/own": ours, "/home/us": ours}

    def lstat(path: Path) -> os.stat_result:
        mode = stat.S_IFDIR | modes.get(str(path), 0o700)
        return os.stat_result((mode, 0, 0, 1, owners[str(path)], nobody, 0, 0, 0, 0))

    monkeypatch.setattr(Path, "lstat", lstat)
    assert risk_above(Path("/home/us/file")) is None
    assert risk_above(Path("/tmp/own/file")) is None
    expected = "is below /tmp/runtime, which belongs to another user"
    assert risk_above(Path("/tmp/runtime/file")) == expected
