"""Runs heart_rate_peripheral.py and heart_rate_central.py side by side on one simulated radio.

Prints what both say as they say it, checks that every step really happened, and ends by itself.
Exit status: 0 if every step happened, 1 if not, 130 after Ctrl-C.
"""

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT_S = 20.0
# Each program, and what it must have said, in this order. Between these it may say more.
STEPS = {
    "peripheral": [
        ("advertised", r"Advertising as Pulse"),
        ("accepted the connection", r"Connected"),
        ("measured", r"Pulse \d+"),
        ("noticed the disconnection", r"Disconnected"),
        ("advertised again", r"Advertising as Pulse"),
    ],
    "central": [
        ("scanned", r"Scanning"),
        ("found the peripheral", r"Found <Address [0-9a-f:]{17}> at -?\d+ dBm"),
        ("connected", r"Connected"),
        ("read the device information", r"Device information: Example Labs Pulse 1"),
        ("read the battery level", r"Battery: 87 %"),
        ("read the sensor's location", r"Heart rate sensor on: Chest"),
        *(("received a reading", r"Reading: \d+ bpm"),) * 5,
        ("disconnected", r"Disconnected"),
    ],
}


class Program:
    """One of the two programs: a process of its own, whose lines a thread puts into the queue."""

    def __init__(self, name, environment, lines):
        self.name = name
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(HERE / f"heart_rate_{name}.py")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for us alone; we pass it on
        )
        self.reader = threading.Thread(target=self._read, args=(lines,), daemon=True)
        self.reader.start()

    def _read(self, lines):
        for line in self.process.stdout:
            lines.put((self, line.rstrip()))
        lines.put((self, None))

    def done(self):
        """Return how many of its steps it has taken."""
        said = iter(self.said)
        done = 0
        for _, pattern in STEPS[self.name]:
            if not any(re.fullmatch(pattern, line) for line in said):
                break
            done += 1
        return done

    def missing(self):
        """Return the name of the first step it has not taken, or None."""
        steps = STEPS[self.name]
        done = self.done()
        return None if done == len(steps) else steps[done][0]

    def interrupt(self):
        """End it as Ctrl-C in its terminal would. False: that did not help, it had to be killed."""
        if self.process.poll() is None:
            if os.name == "nt":
                self.process.terminate()
            else:
                self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True


def follow(programs, lines, deadline):
    """Print what the programs say until every step is taken, one ends badly or time is up."""
    central = programs["central"]
    while any(program.missing() for program in programs.values()) or central.process.poll() is None:
        try:
            program, line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return
        if line is not None:
            program.said.append(line)
            print(f"{program.name:>10} | {line}", flush=True)
        elif program.process.wait() != 0 or program.missing():
            return


def complaint(programs):
    """Return a sentence about what went wrong, or None."""
    statuses = {name: program.process.poll() for name, program in programs.items()}
    # One that has ended is what the other waited for in vain.
    for name in sorted(programs, key=lambda name: statuses[name] is None):
        if missing := programs[name].missing():
            ended = statuses[name] is not None
            when = f"before it ended with status {statuses[name]}" if ended else "in time"
            return f"The {name} has not {missing} {when}."
    if programs["central"].process.poll() != 0:
        return f"The central ended with status {programs['central'].process.poll()}."
    if programs["peripheral"].process.poll() is not None:
        return "The peripheral ended by itself; it should have gone on advertising."
    sent = iter(re.findall(r"Pulse (\d+)$", "\n".join(programs["peripheral"].said), re.MULTILINE))
    for reading in re.findall(r"Reading: (\d+)", "\n".join(programs["central"].said)):
        if reading not in sent:
            return f"The central read {reading} bpm, which the peripheral did not send then."
    return None


def run(state_folder):
    """Run the demo and return its exit status."""
    environment = {
        **os.environ,
        "BLEIO_ADAPTER": f"virtual:demo-{os.getpid()}",
        "BLEIO_STATE_DIR": state_folder,
        "PYTHONIOENCODING": "utf-8",
    }
    lines = queue.Queue()
    programs = {}
    began = time.monotonic()
    try:
        for name in STEPS:
            programs[name] = Program(name, environment, lines)
        follow(programs, lines, began + LIMIT_S)
        problem = complaint(programs)
    finally:
        ended = [program.interrupt() for program in programs.values()]
    if problem is None and not all(ended):
        problem = "The peripheral did not end on Ctrl-C."
    if problem:
        print(f"Demo failed: {problem}", file=sys.stderr)
        return 1
    print(f"Demo succeeded: every step happened, in {time.monotonic() - began:.0f} s.")
    return 0


def main():
    def stop(*_):
        raise KeyboardInterrupt

    # Also where a script in the background ignores Ctrl-C, which our programs would inherit.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        with tempfile.TemporaryDirectory(prefix="bleio-demo-") as state_folder:
            return run(state_folder)
    except KeyboardInterrupt:
        print("Demo stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
