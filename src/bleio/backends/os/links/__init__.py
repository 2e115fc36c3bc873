"""Links of an operating system: connecting, GATT client, pairing, errors."""
