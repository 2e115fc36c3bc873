"""Capture files, read packet by packet: pcapng, pcap and btsnoop.

files     which format it is; `read` gives the packets of any
pcapng, pcap, btsnoop   one format each
frames    what a packet of each link type has before and behind it
source    a file that is read in order, with errors in one sentence

Files come from anywhere. No more of one is in memory than a packet, what it says of lengths is held
against bounds, and what makes no sense is a `CaptureError`.
"""
