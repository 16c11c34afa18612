"""Event signatures and fixed-width words, decoded by hand: ten times faster than a general ABI decoder."""
