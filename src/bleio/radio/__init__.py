"""The simulated radio: a discrete-event model of the air and controllers that speak HCI."""
