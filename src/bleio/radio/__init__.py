"""The simulated radio: a discrete-event model of the air, and controllers on it that speak HCI.

A program meets it as a controller, just as it would meet a USB dongle: HCI packets go in, HCI
packets come out. What lies between is in rooms, and imports lead down the list only, types
included; so each room can be read knowing those below it alone.

    sharing/       the radio in real time: for hosts of this process, of others, and on sockets
    controller/    the HCI face: commands, events, data packets and their flow control
    layer, host    one device's link layer, and what it tells its host
    advertising/   advertising, scanning, initiating, up to the request that makes a connection
    connection/    a connection: its events, queues, procedures, encryption, and what it costs
    capture/       what a packet analyser reads
    air/           time, stations, the medium: packets on their way from one antenna to another

Time is integer microseconds. Nothing but `sharing` knows a real clock, a thread or a socket; all
else happens in callbacks of one `Timeline`, and what is left to chance comes from one seeded
generator. So the same seed and the same input give the same packets, octet by octet, and a test
can let an hour pass in a second. Two habits follow from that, and recur in all rooms:

- Nothing that can be computed has a timer. Scan windows, idle connection events and the time for
  which a receiver was on are arithmetic, done when somebody asks. While the medium is `ideal`, that
  is nothing can get lost, packets that no station listens to are not even looked at.
- Nothing is drawn from the generator on the side. A draw more or less changes all later ones, so
  that worlds would differ where nothing of theirs did.
"""
