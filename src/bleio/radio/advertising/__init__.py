"""Advertising, scanning and initiating, up to the connection request that is accepted."""
