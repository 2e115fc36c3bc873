"""What can go wrong with a campaign as a whole; a world that fails is a result."""

from __future__ import annotations


class CampaignError(Exception):
    """A campaign cannot be run, or cannot go on, as it was asked to; in one sentence."""
