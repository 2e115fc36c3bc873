"""Captures of the air, as packet analysers read them.

A capture is one of those that watch a `Radio`; it looks and changes nothing. `air_capture` has the
octets of the link type and the order in which packets are written.
"""
