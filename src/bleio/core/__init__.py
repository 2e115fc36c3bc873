"""Values and specification tables that every layer shares; no I/O, no state."""
