"""Fuzzing: what others can say to the product, as targets that take octets.

    targets      the table of all targets
    decisions    octets as decisions, so that what is said has a form
    host         HCI into the host, up or coming up; `wire` and `program` are its other ends
    controller   HCI into virtual controllers
    shared       streams into a shared radio and out of one
    att, smp     PDUs of a peer
    octets       files, filters, strings, framers, captures
    running      simulated time, and faults told
    corpus       inputs that are kept, as text; they run in every test run
    driver       runs targets for as long as is wanted, with atheris or without
    __main__     `python -m fuzz`, in the folder tests

A target returns if all that it promises holds, and raises if not. `test_targets.py` runs all of
them for seconds, on what is kept and on octets that are the same in every run.
"""
