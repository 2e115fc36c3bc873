"""The radio in real time, for hosts of this process or of others."""
