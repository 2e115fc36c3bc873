"""Pairing over LE: the Security Manager Protocol (Core Specification Vol 3, Part H).

The cryptographic functions are bumble's. Its pairing sessions are not used: they take PDUs in any
order, ignore key sizes, keep one key pair for all pairings, hand out a signing key of zeros, go on
after a failure once the user has answered, and log keys. Here a pairing is a generator that yields
what it waits for (`pairing`), and a session that feeds it (`session`): a PDU that is not the one
waited for ends the pairing, so there is no state to get wrong.

    session                  drives one pairing
    pairing                  phases 1 and 3: features, and the keys that are distributed
    legacy, secure_connections   phase 2 of either kind: the key that the link is encrypted with
    basis                    what phase 2 goes by; steps; out-of-band data
    methods                  which method two devices' features lead to
    pdu                      layouts and codes
"""
