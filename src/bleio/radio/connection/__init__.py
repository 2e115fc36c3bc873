"""A connection between two devices: its events, its procedures, and what they cost."""
