"""Threads of a device's program: participants of the world, which run in turns like all others.

low         the module `_thread`: starts threads, tells them apart
primitives  locks that wait by the world's clock, and `local`
modules     `threading`, `queue` and `concurrent.futures`, executed again on top of these
"""
