"""Captures of what is said to a controller."""
