"""What a board's microcontroller module tells of its own temperature."""


class _Processor:
    temperature = 36.5  # Celsius; kept exactly by a 32-bit float


cpu = _Processor()
