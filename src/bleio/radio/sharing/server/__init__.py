"""The process of a radio that others join: by its name, or on addresses it listens to."""
