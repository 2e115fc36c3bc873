"""What hosts and controllers say, in words.

decoder   `HciDecoder`: packets, and the links that they tell of
tables    names and fields of commands and events, from bumble
reports   advertising reports
"""
