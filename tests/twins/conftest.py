"""Twins on shared radios: programs in processes of their own."""

from __future__ import annotations

from support.processes import shared_radio

__all__ = ["shared_radio"]
