"""A device's `asyncio`: event loops in simulated time.

owner          the loops of one device, and which is current where
modules        the module `asyncio` that its programs import
kinds          loops in worlds of simulated and of real time; what the former refuse
workers        what blocks beside a loop: `to_thread`, executors
circuitpython  what CircuitPython's `asyncio` has and CPython's has not
"""
