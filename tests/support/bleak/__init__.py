"""The peripheral that the tests of the bleak backends talk to, and the radios that it is on."""
