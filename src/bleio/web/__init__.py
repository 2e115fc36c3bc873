"""A page of a radio that runs: devices on a plane, packets as they fly, faults by a click.

guard       who may have the page, and what browsers are told about it
connections those that are open, within bounds
viewers     what one browser is still to be sent, within bounds
mirror      all that a page shows, for a browser that comes later or was too slow
server      a thread that serves the page and its stream of news
address     where to listen, as typed
commands    what a page asks for
plane       where devices are that nobody has placed
feed        gathers what has happened, for the next news
packets     packets in words, and as they fly
controllers what a device does, as its controller tells
sharedradio the page of a radio that programs share, in real time
worlds      the page of a world, whose time stops and steps

The radio never waits for a browser. It hands over news some times a second, made once for all
browsers; one that is slow misses packets, which are counted and shown there.
"""
