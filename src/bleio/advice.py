"""What helps against an error, by its code: for the notes of exceptions, see `errors`.

Each text is one or two sentences for the author of a `_bleio` program, in the words of that module.
A code that says all by its name, or of which nothing general can be said, has none.
"""

from __future__ import annotations

from bleio.core.codes import AttErrorCode as Att, HciErrorCode as Hci

_PAIR = (
    "The peer wants the link encrypted for that: call connection.pair() first, or let the peer's"
    " program allow it without (read_perm or write_perm Attribute.OPEN)."
)
_PAIR_BETTER = (
    "The peer wants the link paired for that: call connection.pair() first, with a"
    " pairing_delegate on both devices if it wants a passkey or a comparison; or let the peer's"
    " program allow it without (read_perm or write_perm Attribute.OPEN)."
)
_ANEW = "The peer's services have changed: call connection.discover_remote_services() again."
_LONG = "Long values may be beyond the peer: write at most connection.max_packet_length octets."
_SPECIFIED = "What that means is in the specification of its service, or its maker knows."

ATT: dict[int, str] = {
    Att.INVALID_HANDLE: _ANEW,
    Att.READ_NOT_PERMITTED: (
        "The peer lets nobody read it: its characteristic lacks the property READ or has read_perm"
        " NO_ACCESS. If it notifies, subscribe to it."
    ),
    Att.WRITE_NOT_PERMITTED: (
        "The peer lets nobody write it: its characteristic lacks the property WRITE or has"
        " write_perm NO_ACCESS."
    ),
    Att.INVALID_PDU: "The peer takes the request for malformed; a capture shows what was sent.",
    Att.INSUFFICIENT_AUTHENTICATION: _PAIR_BETTER,
    Att.REQUEST_NOT_SUPPORTED: f"The peer's stack does not know this request. {_LONG}",
    Att.INVALID_OFFSET: "The value has changed between two of its parts: do it again.",
    Att.INSUFFICIENT_AUTHORIZATION: (
        "Its program allows that by a way of its own, such as a button or a PIN written before;"
        " pairing does not help."
    ),
    Att.PREPARE_QUEUE_FULL: f"The peer has no room for that much at once. {_LONG}",
    Att.ATTRIBUTE_NOT_FOUND: _ANEW,
    Att.ATTRIBUTE_NOT_LONG: _LONG,
    Att.ENCRYPTION_KEY_SIZE_TOO_SHORT: (
        "The keys of the pairing are shorter than the peer demands: forget the bond on both"
        " devices and pair with longer ones."
    ),
    Att.INVALID_ATTRIBUTE_VALUE_LENGTH: (
        "The peer takes no value of that length here: see max_length and fixed_length of its"
        " characteristic."
    ),
    Att.UNLIKELY_ERROR: "The peer does not tell why; its own log may.",
    Att.INSUFFICIENT_ENCRYPTION: _PAIR,
    Att.INSUFFICIENT_RESOURCES: "The peer has no memory left for that: try again later.",
    Att.DATABASE_OUT_OF_SYNC: _ANEW,
    Att.VALUE_NOT_ALLOWED: f"The peer takes no such value here. {_SPECIFIED}",
    Att.WRITE_REQUEST_REJECTED: f"The peer's program did not take it. {_SPECIFIED}",
    Att.CCCD_IMPROPERLY_CONFIGURED: (
        "Subscribe before you write: characteristic.set_cccd(notify=True), or make its"
        " CharacteristicBuffer or PacketBuffer first."
    ),
    Att.PROCEDURE_ALREADY_IN_PROGRESS: "Wait until the peer is done with what was asked before.",
    Att.OUT_OF_RANGE: f"The peer takes no such value here. {_SPECIFIED}",
}
ATT_OF_APPLICATION = _SPECIFIED

# Of SMP's reasons. Either side may have given them.
SMP: dict[int, str] = {
    0x01: "The passkey was not entered, or was cancelled: ask the user again.",
    0x02: "The out-of-band data of the other device is missing: see Adapter.local_oob.",
    0x03: (
        "One device demands more than the other can do: give both a pairing_delegate that can show"
        " or enter a passkey, or demand less (Adapter.security)."
    ),
    0x04: "The passkeys differ, or somebody is in between: pair again.",
    0x05: "The other device does not pair at all; keep to values that need no pairing.",
    0x06: "The keys would be shorter than one device demands: see min_key_octets.",
    0x08: "The user or the program of the other device has refused, or keys were missing.",
    0x09: "Too many attempts have failed: wait some seconds before the next.",
    0x0B: "The passkeys differ, or somebody is in between: pair again.",
    0x0C: "The user said that the numbers differ: pair again, and compare them.",
    0x0F: "The key was refused as unsafe: pair again.",
    0x10: "The other device pairs with somebody else: try again.",
}
SMP_SILENT = (
    "No reason was given. The program or the user of the other device may have refused, be busy"
    " or gone; if one of the two has forgotten the bond, forget it on both."
)

# Why a link ended.
LINK_END: dict[int, str] = {
    Hci.SUCCESS: "The system does not tell why.",
    Hci.AUTHENTICATION_FAILURE: (
        "The keys of the bond do not fit: forget it on both devices and pair again."
    ),
    Hci.PIN_OR_KEY_MISSING: (
        "The other device has forgotten the bond: forget it here, too, and pair again."
    ),
    Hci.CONNECTION_TIMEOUT: (
        "Nothing was heard of the peer any more: it is out of range, off or was reset. Connect"
        " again when it advertises."
    ),
    Hci.REMOTE_USER_TERMINATED: (
        "The peer's program disconnected or ended. Connect again when it advertises."
    ),
    Hci.REMOTE_LOW_RESOURCES: "The peer has no room for another link.",
    Hci.REMOTE_POWER_OFF: "The peer was switched off.",
    Hci.LOCAL_HOST_TERMINATED: "This device ended it.",
    Hci.LL_RESPONSE_TIMEOUT: "The peer's controller did not answer. Connect again.",
    Hci.UNACCEPTABLE_CONNECTION_PARAMETERS: "The peer takes no such connection_interval.",
    Hci.MIC_FAILURE: (
        "The devices have different keys, or somebody tampers: forget the bond on both."
    ),
    Hci.CONNECTION_FAILED_TO_BE_ESTABLISHED: (
        "The peer never answered on the new link: it is far away, busy or has no room. Try again."
    ),
}

# What a controller refuses.
HCI: dict[int, str] = {
    Hci.UNKNOWN_HCI_COMMAND: "This controller does not know the command.",
    Hci.MEMORY_CAPACITY_EXCEEDED: "The controller is full: end a link, or advertising, first.",
    Hci.CONNECTION_LIMIT_EXCEEDED: "The controller can have no further link: end one first.",
    Hci.CONNECTION_ALREADY_EXISTS: (
        "There is a link to that device already: see adapter.connections."
    ),
    Hci.COMMAND_DISALLOWED: (
        "It does not go with what the controller is doing: end scan or advertising first."
    ),
    Hci.UNSUPPORTED_FEATURE: "This controller cannot do that.",
    Hci.INVALID_PARAMETERS: "This controller takes no such values.",
}

CONNECT_TIMEOUT = (
    "It has to be near, on, and advertising as connectable under this address; a device with"
    " another link may not advertise. Scan to see whether it is heard."
)
TRANSACTION_TIMEOUT = (
    "The peer's stack or program hangs, or is far slower than the specification allows; after an"
    " ATT time-out the link has to be made anew."
)
