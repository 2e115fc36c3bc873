"""What `bleio sim` does around a world. It needs what worlds need, which not every machine has.

telling  what is said while the world runs: packets in words, and how far it is
outcome  what is written and said however it ends: keys, a report, the last object, a sentence
page     the page of --web
"""
