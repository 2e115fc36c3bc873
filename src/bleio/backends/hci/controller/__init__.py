"""The way to one controller, whatever it is.

layer, commands     HCI: commands in turn, events to their handlers, the loss of a controller
bringup             reset, event masks, and what the controller can do
firmware            what dongles want before they work, by drivers of bumble's
opcodes             the commands that the backend sends
transport, uart     ways to controllers: bumble's transports, serial objects
device              device files, in bumble's place
h4                  packets on a line of octets, and what lies between them
virtual             the one door to the simulated radio, opened only for it
port                what all of these ways have in common
"""
