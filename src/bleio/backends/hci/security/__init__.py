"""Security of the links of one controller (Core Specification Vol 3, Part H; Part C, 10).

manager                      which link an event of the controller is for
link_security                one link: what acts on it; start reading here
link_states, link_pairing    what can be under way on it
encryption                   whose keys it is encrypted with, and what that makes it worth
trust                        which values may pass it
signing, counts              signatures of signed writes, and their counters
peer, shared                 what is known of its peer; what all links share
smp                          how a pairing goes
"""
