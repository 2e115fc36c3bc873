"""GATT: the services model, discovery and subscriptions; sans-I/O."""
