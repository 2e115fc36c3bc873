"""`bleio run --bleak PROGRAM`, as a program that tests start."""

import sys

from bleio.__main__ import main

sys.argv[:] = ["bleio", "run", "--bleak", *sys.argv[1:]]
main()
