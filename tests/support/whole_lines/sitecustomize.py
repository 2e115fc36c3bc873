"""Has an unbuffered Python program write each line to its pipe in one piece.

Else `print` writes a text and the end of its line one after the other, and what another
thread says on standard error comes between. Python imports this by itself from its search path.
"""

import sys

if sys.stdout is not None:
    sys.stdout.reconfigure(line_buffering=True, write_through=False)
