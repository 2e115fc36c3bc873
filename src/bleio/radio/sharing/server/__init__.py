"""The process of a radio that others join: by its name, or on addresses it listens on.

process        its life: take the name, open the addresses, serve, clean up
connection     a host on a byte stream, and its controller
watching       a program that watches the air, and the capture that it gets
listen         opens addresses: TCP and Unix sockets
pty            a pseudo terminal as the serial line of a controller
address        the words for addresses
background     its main function where it was started on demand
"""
