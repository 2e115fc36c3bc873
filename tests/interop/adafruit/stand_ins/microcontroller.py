"""What a board's microcontroller module tells of the board itself."""


class _Processor:
    temperature = 36.5  # Celsius; kept exactly by a 32-bit float
    uid = bytearray.fromhex("0123456789abcdef")


cpu = _Processor()
