"""What tests of the live page share."""

from support.live_browser import browser
from support.radio_processes import radios

__all__ = ["browser", "radios"]
