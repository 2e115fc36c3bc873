"""The radios, see `support.bleak`."""

from support.bleak.settings import setting

__all__ = ["setting"]
