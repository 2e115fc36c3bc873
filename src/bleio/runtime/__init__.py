"""The runtime: the engine thread and what an adapter is while the program runs."""
