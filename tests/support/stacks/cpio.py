"""Archives in cpio's `newc` format, as Linux takes its first file system."""

from __future__ import annotations

import stat
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A file, folder or symbolic link; `content` is what is in it, or where a link points."""

    mode: int
    content: bytes = b""


def folder() -> Entry:
    return Entry(stat.S_IFDIR | 0o755)


def file(content: bytes, permissions: int = 0o644) -> Entry:
    return Entry(stat.S_IFREG | permissions, content)


def link(target: str) -> Entry:
    return Entry(stat.S_IFLNK | 0o777, target.encode())


def pack(entries: dict[str, Entry]) -> bytes:
    """Make an archive; everything in it belongs to root. Missing folders are added."""
    full = dict(entries)
    for path in entries:
        while (path := path.rpartition("/")[0]) and path not in full:
            full[path] = folder()
    parts = [_record(index, path, full[path]) for index, path in enumerate(sorted(full), 1)]
    return b"".join([*parts, _record(0, "TRAILER!!!", Entry(0))])


def _record(inode: int, path: str, entry: Entry) -> bytes:
    name = path.encode() + b"\0"
    # Magic; inode, mode, user, group, links, time, size, 4 x device, length of name, checksum.
    fields = (inode, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.content)


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)
