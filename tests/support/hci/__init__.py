"""For tests of the HCI backend: radios to run it on, and an engine that only listens."""
