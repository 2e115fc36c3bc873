"""Captures of the air, as packet analysers read them."""
