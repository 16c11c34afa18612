"""Training of score bundles from historical data; imported by no part of `oracle`."""
