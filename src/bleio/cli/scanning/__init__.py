"""`bleio scan`: what is on the air, as a table that lives, as lines, as JSON.

filters     which devices are asked for
device      one device, by what its packets have said
devices     all of them, within bounds; which are new, which are gone
listening   the scan: from the adapter to those that show it
table       the table, for a terminal
lines       a line for each device that comes, changes or goes; or for each packet
objects     the same as JSON
recording   a capture of all that was heard
hints       what to say when nothing is heard
"""
