"""How long a test waits for what it is sure to see. It only guards against hanging.

What a test waits for comes in milliseconds on an idle machine, and in tens of seconds on one with
ten times more to do than it can. So no test has a limit of its own that is closer.
"""

from __future__ import annotations

PATIENCE_S = 180.0
