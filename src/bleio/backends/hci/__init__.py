"""The backend over HCI, on bumble's transports, drivers and Security Manager.

Importing it imports bumble, so that is done when an adapter opens.
"""

from bleio.backends.hci.backend import HciBackend

__all__ = ["HciBackend"]
