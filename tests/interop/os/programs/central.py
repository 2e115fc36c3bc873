"""Uses what the peripheral beside it offers: all operations of a client, as its arguments say."""

import sys
import time

import _bleio

ID = "0b1e0000-0000-4000-8000-00000000000{}"
SERVICE, VALUE, COMMANDS, NEWS, CONFIRMED, CONTROL, NOTE = (
    _bleio.UUID(ID.format(number)) for number in range(7)
)
adapter = _bleio.adapter


def find(names):
    """Scan until all of these have been heard."""
    found = {}
    for entry in adapter.start_scan(extended=True, timeout=120):
        for name in names:
            if name.encode() in entry.advertisement_bytes and entry.connectable:
                found.setdefault(name, entry.address)
        if len(found) == len(names):
            break
    adapter.stop_scan()
    print("found", *(f"{name}" for name in found), flush=True)
    return found


class Peer:
    """One link, and the values of its peer by UUID."""

    def __init__(self, address):
        self.connection = adapter.connect(address, timeout=60)
        (service,) = self.connection.discover_remote_services((SERVICE,))
        self.values = {each.uuid: each for each in service.characteristics}
        print("connected", self.connection.max_packet_length, flush=True)

    def order(self, text):
        self.values[CONTROL].value = text.encode()


def use_all(peer):
    """Every GATT operation."""
    value = peer.values[VALUE]
    print("read", bytes(value.value), flush=True)
    long = bytes(number & 0xFF for number in range(500))
    value.value = long
    assert value.value == long
    print("500 octets there and back", flush=True)
    (note,) = [each for each in value.descriptors if each.uuid == NOTE]
    assert note.value == b"a note"
    note.value = b"another note"
    assert note.value == b"another note"
    print("descriptor", flush=True)
    for number in range(5):
        peer.values[COMMANDS].value = f"command {number}".encode()
    confirmed = _bleio.PacketBuffer(peer.values[CONFIRMED], buffer_size=4, max_packet_size=20)
    peer.values[CONFIRMED].set_cccd(indicate=True)
    peer.order("confirm hello")
    print("indicated", packet_of(confirmed), flush=True)
    peer.order("show")


def packet_of(buffer):
    packet = bytearray(200)
    while not (octets := buffer.readinto(packet)):
        time.sleep(0.001)
    return bytes(packet[:octets])


def count(peer, number):
    """Have the peer notify, and look whether anything is missing."""
    news = _bleio.PacketBuffer(peer.values[NEWS], buffer_size=512, max_packet_size=20)
    peer.values[NEWS].set_cccd(notify=True)
    begin = time.monotonic()
    peer.order(f"count {number}")
    for expected in range(number):
        heard = int.from_bytes(packet_of(news), "little")
        assert heard == expected, f"{heard} in place of {expected}"
    seconds = time.monotonic() - begin
    print(f"counted {number} in {seconds:.1f} s, {number / seconds:.0f} a second", flush=True)


def stay(peer, name):
    """Read for ever, and come back after each loss."""
    while True:
        try:
            if peer is None:
                peer = Peer(find([name])[name])
            peer.values[VALUE].value
            time.sleep(0.05)
        except _bleio.BluetoothError as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            peer = None
            time.sleep(0.2)


what, *names = sys.argv[1:]
peers = {name: Peer(address) for name, address in find(names).items()}
first = peers[names[0]]
match what.split():
    case ["all"]:
        use_all(first)
    case ["count", number]:
        count(first, int(number))
    case ["deaf"]:
        news = _bleio.PacketBuffer(first.values[NEWS], buffer_size=512, max_packet_size=20)
        first.values[NEWS].set_cccd(notify=False)
        print("deaf", flush=True)
        sys.stdin.readline()
        assert not news.readinto(bytearray(20))
        print("heard nothing", flush=True)
    case ["each"]:
        for name, peer in peers.items():
            peer.values[VALUE].value = name.encode()
        for name, peer in peers.items():
            assert peer.values[VALUE].value == name.encode()
        print("links", len(adapter.connections), flush=True)
        sys.stdin.readline()
    case ["stay"]:
        stay(first, names[0])
for peer in peers.values():
    peer.connection.disconnect()
    while peer.connection.connected:
        time.sleep(0.01)
print("done", flush=True)
