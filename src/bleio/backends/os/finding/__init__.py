"""What there is of Bluetooth on this computer, for errors that explain why none can be used."""
