"""What `bleio demo` is made of.

monitor.py.txt, reader.py.txt   its two programs, which need nothing but `_bleio`; they are text
                                here, since they are no part of this program
story                           what they say, in order, and what is explained of it
stage                           runs them on one simulated radio, and watches its air
"""
