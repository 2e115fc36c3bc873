"""GATT: services in both directions, on ATT bearers; sans-I/O.

bearer                          one link's ATT in both directions, and its end
client, procedures, discovery   what we ask of a peer
remote                          what is known of a peer's table, and what hears its values
server, model                   what we publish, as programs know it
table, layout, attributes,
builtin, hash                   the same in handles, as ATT serves it
awareness, indications          what one client knows of changes; what it must confirm
"""
