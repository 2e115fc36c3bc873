"""The backend over HCI: the host of any Bluetooth LE controller, simulated ones included.

Its rooms, each of which imports only from those below it:

    backend, parts   the contract; and what is put together when an adapter opens
    capture/         writes down what host and controller say to each other
    links/           links, their channels and their data
    gap/             advertising, scanning, connecting, and under which address
    security/        encryption, pairing, signatures, and what a link is trusted with
    bonds/           what is kept of peers
    own_device       what an adapter is to others: address, keys, settings, agent
    controller/      the way to the controller
    entropy          random octets; background: tasks that nobody waits for

ATT and GATT are not here. They are sans-I/O in `bleio.att` and `bleio.gatt`; `links` moves their
bytes and their time. bumble's functions for the cryptography of pairing are imported when an
adapter opens, in a world not before something pairs. bumble's transports, drivers for dongles and
what it has for them are imported only by adapters that use them: it takes several times as long.
"""

import logging

from bleio.backends.hci.backend import HciBackend

__all__ = ["HciBackend"]

# bumble logs what happens on the air at warning level; without a handler Python prints that on the
# user's terminal. A program that wants it adds a handler of its own.
logging.getLogger("bumble").addHandler(logging.NullHandler())
