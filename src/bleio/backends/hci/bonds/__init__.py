"""What is kept of peers from one link to the next.

store           what a bond is, and where bonds are kept: the seam, and a store in memory
file, format    bonds in files that outlive the program, and how they are written there
changes         what is saved and not in the file yet
folder          the files of one adapter, one for each of its identities, as its engine knows them
looking         reading them in a thread
writing         writing them in a thread
client_memory   the subscriptions and the like of a bonded client, restored when it is back
"""
