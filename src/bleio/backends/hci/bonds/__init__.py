"""Bonds: what is kept of peers from one link to the next, in memory and in files."""
