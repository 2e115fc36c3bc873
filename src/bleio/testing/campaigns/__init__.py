"""Campaigns: one scenario in many worlds, over parameters and seeds, on any executor.

From top to bottom:

campaign       what users call, and what it gives them
running        hands worlds to an executor, and takes what comes, whoever dies meanwhile
progress       how far it is
executors      the processes of this machine, or a cluster
plan           which worlds there are
results        the file, and the captures of worlds that failed
summary        means and intervals; `table` and `plot` show them, `frame` is for pandas
worlds         what a worker does: one world after another
scenario       what is sent to workers; `used` finds the files and lines that it needs
"""
