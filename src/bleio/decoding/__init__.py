"""Packets in words, one line each, by names: what people read who have no packet analyser at hand.

records     what goes in and comes out: `AirPacket`, `HciPacket`, `Decoded`
air         `AirDecoder`: packets of the link layer
hci         `HciDecoder`: what hosts and controllers say
lines       records as lines of text; what says nothing is counted
names       names of devices by address, of numbers by the libraries that have them
attributes  names of attributes by handle, as discovery or a device's own table tells them
reading     files: pcapng and btsnoop

Decoders are stateful: an ATT response has neither handle nor UUID, those are in the request before
it, and in the discovery before that. They take any octets. What they cannot make sense of they say
so in a line ("malformed ..."), and never raise; what they remember is bounded.
"""
