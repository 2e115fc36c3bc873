"""BlueZ over D-Bus: what bleak does not do, above all the peripheral role."""
