"""The search for a seed and faults that break what programs promise.

promise  what must be printed and what must not, and a world that listens
trial    one world, and whether it broke the promise
search   many worlds, and the simplest that did
thinking what hypothesis is asked; the extra `hunt`
behaviour what a world did, and when
"""
