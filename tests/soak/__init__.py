"""A soak: one long-running program, and all that may happen to it, over and over.

    crew         a peripheral, its centrals, and what they do on a shared radio in each round
    line         a controller behind a TCP connection that can be cut
    disk         a small disk that can be full
    guest        a program in a process of its own, which comes, uses a link, and goes or is killed
    figures      memory, objects, threads, descriptors, files, counters: how they stand, and judged
    rounds       a round, and how many there are
    __main__     `python -m soak`, in the folder tests

The figures are taken when all links are gone, so that they must be the same each time.
"""
