"""What the adapter does on the air without a link, and under which address (GAP).

    advertising, scanning, initiating   one control of the controller's each
    privacy     our own address on the air, and what must pause when it changes
    resolving   the identities of peers, by the keys of their bonds
    identity    which address is ours, and how one is claimed on a simulated radio

The three controls do not know each other. They share one lock and one own address (`privacy`),
since a controller refuses to change its address or its resolving list while any of them is on air.
"""
