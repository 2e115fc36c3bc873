"""A reader's own program, where a page needs any: it opens the adapter, and ends at once."""

import _bleio

_bleio.adapter.start_advertising(b"\x02\x01\x06")
_bleio.adapter.stop_advertising()
