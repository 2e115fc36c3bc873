"""ESPHome's Bluetooth proxies, simulated: a server of its native API that stands on our radio.

A real proxy is a microcontroller that scans, connects and asks on behalf of clients in the network.
Here an `HciBackend` on a virtual controller does that, so what a program hears through a proxy was
sent on the simulated air, with its distances and losses.

    framing   the two forms of the API's packets: in the clear, and encrypted with a key (Noise)
    server    one proxy: its port, its radio, its slots for links, and what it is made to lack
    session   one client's connection, and what it may ask for
    link      one Bluetooth link of a session: services, values, notifications, pairing
    building  a whole of that: proxies and devices at places, and a fleet
    hostile   what a bad proxy sends

The messages are aioesphomeapi's protobuf classes. What they mean is what ESPHome's firmware does,
in particular where that is odd: the third connection type has the client write CCCDs, one client
at a time hears advertisements and a second one is not told that it does not, a link that does not
exist is GATT error -1, and scan responses come joined to the advertising data before them.

`python -m support.esphome virtual:NAME kitchen` in `tests` runs a proxy as a process.
"""
