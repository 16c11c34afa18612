"""The node: settings, wiring and the loop that performs what the protocol asks for. The only composition root."""
