"""Links: from Connection Complete to Disconnection Complete.

    table        all links of a controller, by handle; takes the events that tell of them
    link         one link, as the contract has it: its bearer, security and parameters
    calls        waiting for what is told by a call
    room         room to send, and what waits for it
    parameters   the connection interval, and how it is changed
    l2cap        the signaling channel
    early        data that is here before its link
    acl          data to and from the controller: flow control, fragments

A packet from the air goes layer -> table -> link -> bearer, security or signaling, and what they
send goes through `acl` back to the layer. All on the engine's thread; nothing on that way waits.
"""
