"""What `bleio capture` is made of.

air        what is on the air of a simulated radio, until somebody or something ends it
blocks     parts of a pcapng file, which come whole into it
sinks      where they go: a file, a pipe, the decoder that prints lines
"""
