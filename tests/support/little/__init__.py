"""A small backend that is unlike HCI on purpose, and stands for operating systems' Bluetooth.

It publishes the model itself and has no attribute table: records have no handles. One change of a
value goes to all clients, and it does not say which have subscribed. Advertising data is fields to
it. It pairs by itself when a value needs that, picks its address, and tells no intervals.

`air` is what systems of one loop have between them, `backend` one system, `link` one end.
"""
