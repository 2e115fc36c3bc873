"""Whether another user of this machine can put something else in the place of a file of ours.

The owner and mode of a file or folder are not enough. Another user that made the folder above it
renames it and makes one of the same name; so all folders on the way from the root have to belong to
this user or to root, and nobody else may write in them. Everybody may write in /tmp, but its sticky
bit keeps users from each other's entries: what is ours there, or root's, stays there. A symbolic
link on the way is one more entry, and its target one more way, so both are judged like the rest.
Many systems have a group for each user, and files that this group may write; it counts as the user,
and root's group as root.

Whose the root folder is can exchange everything anyway, so that user counts as root. It is another
one in a container where root is not known, and then is the same unknown user as all others; so what
lies in a folder where everybody may write does not count as root's by that.

That is all decided before the file is used. Nobody can change the answer afterwards but the users
who are trusted.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MOST_LINKS = 40  # as Linux allows on one way


def risk_above(path: Path) -> str | None:
    """Find a folder on the way to `path` that lets another user exchange what is there.

    `path` itself is not looked at, and need not exist. On Windows the folders that this package
    uses are the user's own by their lists of access rights, and nothing is judged.

    Returns: what is wrong, as in "is below /tmp/x, which belongs to another user"; None if nothing.
    Raises: OSError if the way cannot be seen.
    """
    if sys.platform == "win32":
        return None
    from pathlib import Path  # few programs have files, and all have this module

    trusted = {0, os.geteuid()}
    path = path.absolute()  # with each `..` in its place: behind a link it is another folder
    folder, ahead = Path(path.anchor), list(path.parts[-2:0:-1])
    owner_of_all = folder.lstat().st_uid
    links, among_all = 0, False
    while True:
        status = folder.lstat()
        if status.st_uid not in trusted and (among_all or status.st_uid != owner_of_all):
            return f"is below {folder}, which belongs to another user"
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                return f"is below {folder}, which is a link that leads to no end"
            target = folder.readlink()
            ahead += [part for part in reversed(target.parts) if part != target.anchor]
            folder = Path(target.anchor) if target.is_absolute() else folder.parent
            among_all = others_may_write(folder.lstat())
            continue
        if others_may_write(status) and not status.st_mode & stat.S_ISVTX:
            return f"is below {folder}, which other users may write"
        if not ahead:
            return None
        part = ahead.pop()
        among_all = part != ".." and others_may_write(status)
        folder = folder.parent if part == ".." else folder / part


def others_may_write(status: os.stat_result) -> bool:
    """Whether by its mode anybody else may write a file or folder, of a group or at all."""
    by_group = status.st_mode & stat.S_IWGRP and not _is_private(status.st_gid)
    return bool(status.st_mode & stat.S_IWOTH or by_group)


def _is_private(group: int) -> bool:
    """Whether a group is the one that was made for this user alone, with its name; or root's."""
    if sys.platform == "win32":
        return False
    if group == 0:
        return True
    import grp
    import pwd

    try:
        user, members = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    own = group == user.pw_gid and members.gr_name == user.pw_name
    return own and set(members.gr_mem) <= {user.pw_name}
