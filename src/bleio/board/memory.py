"""Memory of a fixed size, as `microcontroller.nvm` is."""

from __future__ import annotations

from typing import Any, NoReturn


class Memory(bytearray):
    """Octets that are set and read, by number or by slice, and never become more or fewer."""

    def __setitem__(self, index: Any, value: Any) -> None:
        """Set one octet, or as many as the slice has. Raises: ValueError for another number."""
        if isinstance(index, slice) and len(range(*index.indices(len(self)))) != len(value):
            self._keep_size()
        super().__setitem__(index, value)

    def _keep_size(self, *_: object) -> NoReturn:
        raise ValueError(f"This memory has {len(self)} octets, no more and no fewer")

    __delitem__ = __iadd__ = __imul__ = _keep_size
    append = extend = insert = pop = remove = clear = _keep_size
