"""What a host and its controller say to each other, written down for packet analysers.

tap     files, and what puts itself between the HCI layer and its port
keys    blanks the keys in what is written, so that a capture may be shown to others
"""
