"""The specification's example of a Database Hash: Vol 3, Part G, Appendix B."""

from bleio.att.database import TableEntry
from bleio.gatt.hash import database_hash

# Handle, type, value; as printed there, most significant digit first where a field has octets.
TABLE = """
0001 2800 0018
0002 2803 0a0300002a
0003 2a00 -
0004 2803 020500012a
0005 2a01 -
0006 2800 0118
0007 2803 200800052a
0008 2a05 -
0009 2902 -
000a 2803 0a0b00292b
000b 2b29 -
000c 2803 020d002a2b
000d 2b2a -
000e 2800 0818
000f 2802 140016000f18
0010 2803 a21100182a
0011 2a18 -
0012 2902 -
0013 2900 0000
0014 2801 0f18
0015 2803 021600192a
0016 2a19 -
"""
HASH = "F1CA2D48 ECF58BAC 8A8830BB B9FBA990"


def attributes() -> list[TableEntry]:
    rows = [line.split() for line in TABLE.split("\n") if line]
    return [
        TableEntry(
            int(handle, 16),
            bytes.fromhex(uuid)[::-1],
            # What has no part in the hash gets a value that would spoil it.
            lambda client, value=value: b"unused" if value == "-" else bytes.fromhex(value),
        )
        for handle, uuid, value in rows
    ]


def test_example_of_the_specification() -> None:
    # The characteristic's value is little-endian like all others.
    assert database_hash(attributes()) == bytes.fromhex(HASH)[::-1]


def test_every_part_of_the_table_counts() -> None:
    whole = attributes()
    hashes = {database_hash(whole[:index] + whole[index + 1 :]) for index in range(len(whole))}
    # Dropping any one of the eight values changes nothing; of the rest, each makes a difference.
    values = sum(line.endswith("-") and " 2902 " not in line for line in TABLE.split("\n"))
    assert len(hashes) == len(whole) - values + 1
