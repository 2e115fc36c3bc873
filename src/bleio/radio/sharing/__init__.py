"""The radio in real time, for hosts of this process or of others.

The only room that knows clocks, threads, sockets and processes; all below is arithmetic on
simulated time.

    driver         lets a radio's time pass with that of an asyncio loop
    port           what a host sees of its controller, wherever that is
    local          the radio that adapters of one process share: `virtual`
    shared         joins the radio that processes share by its name: `virtual:NAME`
    hello          the first words on its socket
    place          where it is found: folder, socket, locks
    launch         starts its process
    h4             HCI packets in a byte stream
    server/        that process, and the addresses it listens on

A host always has a controller of its own, and there is one radio behind all of them; so what
differs between `virtual`, `virtual:NAME` and a socket is only how packets get there and back.
"""
