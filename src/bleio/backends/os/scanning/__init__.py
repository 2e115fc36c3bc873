"""Scans of an operating system, and octets made of what it says that it heard."""
