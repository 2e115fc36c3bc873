"""Pages for a browser: their form, style and script, and the records that they draw.

joining  a page is put together of its parts, so that two pages can share them
rows     what happened, as the lists of both pages have it

`report.html` is the page of a world that has ended, `live.html` that of a radio that runs. Both
have their colours from `theme.css`, and list and timeline from `story` and `timeline`.
"""
