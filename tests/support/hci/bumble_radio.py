"""bumble's controllers on bumble's link, each behind a connection of its own.

An independent foreign controller: what our host does on it is not what our controller expects.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from typing import Any

from bumble import hci
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport.common import StreamPacketSink, StreamPacketSource

HAS_UNIX_SOCKETS = hasattr(socket, "AF_UNIX")


class _Controller(Controller):  # type: ignore[misc,unused-ignore]
    """bumble's, with what it leaves undone of two commands that every host depends on."""

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Really cancel, and say so by an event."""
        if self.pending_le_connection is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=0,
            peer_address_type=0,
            peer_address=hci.Address.ANY,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_le_set_phy_command(self, command: hci.HCI_LE_Set_PHY_Command) -> None:
        """Answer, where bumble's says that it has the command and then stays silent.

        Our host goes on without an answer, but only after 2 s, on the first link of each adapter.
        """
        self.send_hci_packet(
            hci.HCI_Command_Status_Event(
                status=hci.HCI_UNKNOWN_HCI_COMMAND_ERROR,
                num_hci_command_packets=1,
                command_opcode=command.op_code,
            )
        )


class _Source(StreamPacketSource):
    def __init__(self, radio: BumbleRadio) -> None:
        super().__init__()
        self.radio = radio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.controller = _Controller(
            f"C{len(self.radio.sources)}",
            host_source=self,
            host_sink=StreamPacketSink(transport),
            link=self.radio.link,
        )
        self.radio.sources.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.controller in self.radio.link.controllers:
            self.radio.link.remove_controller(self.controller)


class BumbleRadio:
    """`async with BumbleRadio() as radio`: `radio.transport` is a name for `HciBackend`."""

    def __init__(self) -> None:
        self.link = LocalLink()
        self.sources: list[_Source] = []

    async def __aenter__(self) -> BumbleRadio:
        loop = asyncio.get_running_loop()
        self._folder = tempfile.TemporaryDirectory(prefix="bleio-")  # socket paths are short
        if HAS_UNIX_SOCKETS:
            path = f"{self._folder.name}/hci"
            self.server = await loop.create_unix_server(lambda: _Source(self), path)
            self.transport = f"unix:{path}"
        else:
            self.server = await loop.create_server(lambda: _Source(self), "127.0.0.1", 0)
            port = self.server.sockets[0].getsockname()[1]
            self.transport = f"tcp-client:127.0.0.1:{port}"
        return self

    async def __aexit__(self, *args: Any) -> None:
        self.server.close()
        for source in self.sources:
            source.transport.abort()
            self._stop(source.controller)
        await self.server.wait_closed()
        await asyncio.sleep(0.01)
        self._folder.cleanup()

    def unplug(self, index: int) -> None:
        """Cut one host off its controller."""
        self.sources[index].transport.abort()

    def _stop(self, controller: Controller) -> None:
        controller.le_legacy_advertiser.stop()
        for advertising_set in controller.advertising_sets.values():
            advertising_set.stop()
