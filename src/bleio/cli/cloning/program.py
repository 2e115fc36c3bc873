"""The parts of a twin that are the same in each: classes that send and answer, and the loop.

They are for a board too, so they use no more than CircuitPython's `_bleio` and `time` have.
"""

from __future__ import annotations

REPLAY = '''\
class Replay:
    """Sends what was recorded to whoever subscribes, over and over."""

    def __init__(self, characteristic, recorded):
        self.characteristic = characteristic
        self.recorded = recorded
        # It takes no packet while nobody has subscribed, and that is what it is for.
        self.packets = _bleio.PacketBuffer(characteristic, buffer_size=1)
        self.begin_again()

    def begin_again(self):
        self.index = 0
        self.due = None

    def run(self, now):
        """Send what is due by now."""
        while self.due is None or self.due <= now:
            value = self.recorded[self.index][1]
            if self.index > 0:
                self.characteristic.value = value
            elif not self.is_taken(value):
                self.due = None
                return
            self.index = (self.index + 1) % len(self.recorded)
            pause = self.recorded[self.index][0]
            self.due = (now if self.due is None else self.due) + pause

    def is_taken(self, value):
        try:
            room = self.packets.outgoing_packet_length
        except ValueError:  # a board says so when nobody has subscribed
            return False
        return self.packets.write(value[:room]) > 0
'''

WRITTEN = '''\
class Written:
    """Prints what is written to a characteristic."""

    def __init__(self, name, characteristic):
        self.name = name
        self.packets = _bleio.PacketBuffer(characteristic, buffer_size=4)
        self.buffer = bytearray(MAX_WRITTEN)

    def begin_again(self):
        pass

    def run(self, now):
        """Print what has come."""
        length = self.packets.readinto(self.buffer)
        if length > 0:
            print("Written to", self.name + ":", bytes(self.buffer[:length]))
'''

ANSWERS = '''\
class Written:
    """Answers what is written as the device did; prints what it never heard."""

    def __init__(self, name, characteristic):
        self.name = name
        self.packets = _bleio.PacketBuffer(characteristic, buffer_size=4)
        self.buffer = bytearray(MAX_WRITTEN)
        self.known = {}
        self.begin_again()

    def learn(self, written, *answers):
        """Answer with (seconds since the step before, characteristic, value) each.

        What is learnt more than once is answered in turns.
        """
        self.known.setdefault(written, []).append(answers)

    def begin_again(self):
        self.begun = b""
        self.to_come = []

    def run(self, now):
        """Take what was written, and send what is due by now."""
        length = self.packets.readinto(self.buffer)
        if length > 0:
            self.take(bytes(self.buffer[:length]), now)
        while self.to_come and self.to_come[0][0] <= now:
            _, characteristic, value = self.to_come.pop(0)
            characteristic.value = value

    def take(self, written, now):
        """Clients may write in pieces, so wait for the rest of what may become known."""
        if self.begun and not self.may_become_known(self.begun + written):
            self.give_up()
        self.begun += written
        if self.begun in self.known:
            self.answer(self.known[self.begun], now)
            self.begun = b""
        elif not self.may_become_known(self.begun):
            self.give_up()

    def may_become_known(self, begun):
        return any(each.startswith(begun) for each in self.known)

    def answer(self, turns, now):
        turns.append(turns.pop(0))
        due = max([now] + [each[0] for each in self.to_come])
        for pause, characteristic, value in turns[-1]:
            due += pause
            self.to_come.append((due, characteristic, value))

    def give_up(self):
        print("Written to", self.name + ":", self.begun)
        self.begun = b""
'''

LOOP = """\
while True:
    print("Advertising as", repr(NAME))
    while not adapter.connected:
        if not adapter.advertising:  # also after a link that was too short to be seen
{start}
        time.sleep(0.01)
    print("Connected")
    while adapter.connected:
{while_connected}
    print("Disconnected")
"""

RUN_PARTS = """\
        for part in parts:
            part.run(time.monotonic())
        time.sleep(0.005)
    for part in parts:
        part.begin_again()"""

WAIT = "        time.sleep(0.01)"

BROADCAST = """\
{start}
print("Advertising as", repr(NAME))
while True:
    time.sleep(1)
"""
