"""What the link layer tells the host, as HCI events and data packets. Spec: Vol 4, Part E, 7.7.

`HciHost` is the `bleio.radio.host.Host` of a link layer whose host speaks HCI: each method makes
the event of one occasion, which `HostEvents` sends unless the host has masked it out. Data goes
another way, `flow.py`.
"""

from __future__ import annotations

import struct

from bleio.core.address import DeviceAddress
from bleio.core.codes import HciErrorCode
from bleio.core.hci import Event, LeEvent
from bleio.radio.advertising.event import AdvertisingEvent
from bleio.radio.advertising.parameters import ScanTiming
from bleio.radio.air.privacy import Peer
from bleio.radio.connection.anchors import accuracy_code
from bleio.radio.connection.end import LinkEnd
from bleio.radio.connection.parameters import INTERVAL_UNIT_US, TIMEOUT_UNIT_US
from bleio.radio.controller import reports
from bleio.radio.controller.flow import HostData

_PERIPHERAL = 1

_CHANNEL_SELECTION_2 = 1  # as the event has it: Vol 4, Part E, 7.7.65.20
_REMOTE_VERSION = struct.Struct("<BH5s")
_DISCONNECTION = struct.Struct("<BHB")
_ENCRYPTION_CHANGE = struct.Struct("<BHB")
_KEY_REFRESH = struct.Struct("<BH")


class HciHost(HostData):
    """The host at the other side of HCI."""

    # -- advertising --

    def advertisement(
        self,
        scan: ScanTiming,
        event: AdvertisingEvent,
        sender: Peer,
        rssi_dbm: int,
        *,
        scan_response: bool,
    ) -> None:
        """Report one advertising PDU, or scan response, in the form the host scans with."""
        if self.congested:
            self.dropped["advertising report while the host was slow"] += 1
        elif scan.extended:
            for report in reports.extended(event, sender, rssi_dbm, scan_response):
                self.events.send_le(LeEvent.EXTENDED_ADVERTISING_REPORT, report)
        elif event.target is not None and scan.filter_policy & 2:
            report = reports.directed(event.target, sender, rssi_dbm)
            self.events.send_le(LeEvent.DIRECTED_ADVERTISING_REPORT, report)
        else:
            report = reports.legacy(event, sender, rssi_dbm, scan_response)
            self.events.send_le(LeEvent.ADVERTISING_REPORT, report)

    def scan_timed_out(self) -> None:
        """An extended scan's duration is over."""
        self.events.send_le(LeEvent.SCAN_TIMEOUT, b"")

    def scan_request_received(self, handle: int, peer: Peer) -> None:
        """A scannable set with notifications was asked for its scan response."""
        self.events.send_le(
            LeEvent.SCAN_REQUEST_RECEIVED,
            struct.pack("<BB6s", handle, peer.hci_type, peer.address.octets),
        )

    def advertising_set_terminated(
        self, handle: int, status: int, conn_handle: int, completed: int
    ) -> None:
        """A set is disabled, by a connection, its duration or its limit of events."""
        self.events.send_le(
            LeEvent.ADVERTISING_SET_TERMINATED,
            struct.pack("<BBHB", status, handle, conn_handle, min(completed, 0xFF)),
        )

    def directed_advertising_timed_out(self, peer: DeviceAddress) -> None:
        """High duty cycle directed advertising of the legacy commands found no peer."""
        self.connection_failed(HciErrorCode.ADVERTISING_TIMEOUT, _PERIPHERAL, peer)

    def connection_failed(self, status: int, role: int, peer: DeviceAddress) -> None:
        """Connection Complete with an error, in the form the host has unmasked."""
        address = struct.pack("<BHBB6s", status, 0, role, int(peer.random), peer.octets)
        enhanced = address + bytes(12) + bytes(7)
        if not self.events.send_le(LeEvent.ENHANCED_CONNECTION_COMPLETE, enhanced):
            self.events.send_le(LeEvent.CONNECTION_COMPLETE, address + bytes(7))

    # -- connections --

    def link_opened(self, end: LinkEnd) -> None:
        """A connection was made."""
        link, peer = end.link, end.peer
        timing = struct.pack(
            "<HHHB",
            link.interval_us // INTERVAL_UNIT_US,
            link.latency,
            link.timeout_us // TIMEOUT_UNIT_US,
            # Only a peripheral is told how good the other clock is; a central gets 0.
            accuracy_code(link.central.layer.station) if end.role else 0,
        )
        head = struct.pack("<BHB", 0, end.handle, end.role)
        # The peer is named by its identity if that is known; its address on air then comes with it.
        peer_rpa = end.peer_on_air.octets if peer.resolved else bytes(6)
        enhanced = struct.pack(
            "<B6s6s6s", peer.hci_type, peer.address.octets, end.local_rpa, peer_rpa
        )
        if not self.events.send_le(LeEvent.ENHANCED_CONNECTION_COMPLETE, head + enhanced + timing):
            plain = struct.pack("<B6s", int(peer.address.random), peer.address.octets)
            self.events.send_le(LeEvent.CONNECTION_COMPLETE, head + plain + timing)

    def channel_selection(self, end: LinkEnd) -> None:
        """The channel selection algorithm of a new link: always #2, by which `hopping` goes."""
        self.events.send_le(
            LeEvent.CHANNEL_SELECTION_ALGORITHM,
            struct.pack("<HB", end.handle, _CHANNEL_SELECTION_2),
        )

    def link_closed(self, end: LinkEnd, reason: int) -> None:
        """A connection has ended; what it held of the buffers is free.

        The host is not told of these packets one by one: Disconnection Complete says that all of
        the handle's are gone. Spec: Vol 4, Part E, 4.1.1.
        """
        self.release(end)
        self.events.send(Event.DISCONNECTION_COMPLETE, _DISCONNECTION, 0, end.handle, reason)

    def remote_version(self, end: LinkEnd, version: bytes) -> None:
        """Read Remote Version Information has its answer."""
        self.events.send(
            Event.READ_REMOTE_VERSION_COMPLETE, _REMOTE_VERSION, 0, end.handle, version
        )

    def remote_features(self, end: LinkEnd, features: int) -> None:
        """LE Read Remote Features has its answer."""
        self.events.send_le(
            LeEvent.READ_REMOTE_FEATURES_COMPLETE, struct.pack("<BHQ", 0, end.handle, features)
        )

    def data_length_changed(self, end: LinkEnd) -> None:
        """Payload limits have changed."""
        self.events.send_le(
            LeEvent.DATA_LENGTH_CHANGE,
            struct.pack("<HHHHH", end.handle, *end.negotiated.length.tx, *end.negotiated.length.rx),
        )

    def phy_updated(self, end: LinkEnd, status: int) -> None:
        """A PHY procedure has ended."""
        self.events.send_le(
            LeEvent.PHY_UPDATE_COMPLETE,
            struct.pack(
                "<BHBB",
                *(status, end.handle, end.negotiated.tx_phy, end.other.negotiated.tx_phy),
            ),
        )

    def parameters_updated(self, end: LinkEnd, status: int) -> None:
        """A connection update has ended."""
        link = end.link
        self.events.send_le(
            LeEvent.CONNECTION_UPDATE_COMPLETE,
            struct.pack(
                "<BHHHH",
                status,
                end.handle,
                link.interval_us // INTERVAL_UNIT_US,
                link.latency,
                link.timeout_us // TIMEOUT_UNIT_US,
            ),
        )

    def parameters_requested(self, end: LinkEnd, wanted: tuple[int, int, int, int]) -> bool:
        """The peer asks for other parameters. Returns: whether the host decides.

        It does if it has the event unmasked; else the link layer refuses.
        """
        return self.events.send_le(
            LeEvent.REMOTE_CONNECTION_PARAMETER_REQUEST,
            struct.pack("<HHHHH", end.handle, *wanted),
        )

    def key_requested(self, end: LinkEnd, rand: bytes, ediv: int) -> bool:
        """The central wants encryption. Returns: whether the host looks for the key.

        A host that has the event masked has no keys; the link layer then refuses at once.
        """
        return self.events.send_le(
            LeEvent.LONG_TERM_KEY_REQUEST, struct.pack("<H8sH", end.handle, rand, ediv)
        )

    def encryption_started(self, end: LinkEnd, refreshed: bool) -> None:
        """The link is encrypted, or encrypted with a new key."""
        if refreshed:
            self.events.send(
                Event.ENCRYPTION_KEY_REFRESH_COMPLETE,
                _KEY_REFRESH,
                HciErrorCode.SUCCESS,
                end.handle,
            )
        else:
            self._encryption_changed(end, HciErrorCode.SUCCESS, on=True)

    def encryption_refused(self, end: LinkEnd, reason: int) -> None:
        """The peer has no key."""
        self._encryption_changed(end, reason, on=False)

    def _encryption_changed(self, end: LinkEnd, status: int, *, on: bool) -> None:
        self.events.send(Event.ENCRYPTION_CHANGE, _ENCRYPTION_CHANGE, status, end.handle, int(on))
