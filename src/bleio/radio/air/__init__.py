"""Time, the medium, and how signals get from one station to another."""
