"""Simulated time: whose turn it is, and what a moment is worth.

    clock          the one door: all ways to wait, to look and to tell
    turns, quick   who is next when one waits; the common cases of it without a decision
    schedule       what is due, and when
    engine         the engine's turns, `loop` its asyncio loop, `inplace` calls done by the caller
    hub, aside     programs as greenlets of one thread, and what Python keeps for each thread
    baton          the right to run, between threads
    participant    what waits: a program, the owner of the world; `waiting` what for
    jitter         what devices take beyond the usual, by chance
    pacing         real time, where it is asked for
    watching       what the owner's thread sees of programs that come back to nobody;
                   `realsleep`, `interrupting` what it does about them
    room           how much of Python's recursion is left

Rooms above: `programs`, `air`, and the world itself.
"""
