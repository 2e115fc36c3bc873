"""Every test here has radios in processes of their own."""

from support.radio_processes import radios

__all__ = ["radios"]
