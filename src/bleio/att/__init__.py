"""ATT: codec, attribute database, bearer state, server and client; sans-I/O."""
