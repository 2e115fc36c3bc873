"""Advertising, scanning and initiating, up to the connection request that is accepted.

    advertiser     an advertising set: when its events are, and what it accepts
    event          one advertising event, packet by packet
    exchanges      requests to a packet, and their answers
    scanner        the scanning state, and the scan request
    initiator      the initiating state
    connecting     the connection request, and the link that comes of it
    listening      windows in which a scanner or initiator listens
    backoff        how scanners get out of each other's way
    parameters     what the host sets
    pdu            the packets as octets, for captures
    layer          what all of them need of their device, and tell its host

An advertiser starts its events by its own timer. Everything else follows from a packet: the event
finds the listeners whose windows catch it, judges at its end which of them have received it, lets
them hear it, and sends on their requests. So a scanner is never called while nothing is on air.
"""
