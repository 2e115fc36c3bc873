"""Twins of real devices: what is learnt of one is a record, and a program is written of that.

    record      what is known of a device: its advertising, its table, what it sent and answered
    to_json     the record as JSON; from_json: back
    making      from a device to its record, by the next three
    listening   how a device advertises
    exploring   its table: what is there, what it holds, what it refuses
    recording   what it sends, and what it answers
    words       values in words
    remarks     what the user should know of a twin
    writing     from a record to the program, by the others
    advertised  advertising data as source
    table       services, characteristics, descriptors as source
    acting      what a twin does while somebody is connected, as source
    program     the parts of the program that are always the same
    rhythm      times as they are replayed
    naming      names for the variables of a program
    literals    source text of what a stranger has said: nothing of it can become code

Exploring and writing know nothing of each other: a record can be kept, looked at, changed and
compared, and the same record is always the same program.
"""
