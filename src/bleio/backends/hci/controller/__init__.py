"""The way to a controller: transports, commands and events, and bringing it up."""
