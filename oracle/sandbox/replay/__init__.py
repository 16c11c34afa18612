"""Replays recorded histories of a data folder as transactions on the protocols of the sandbox."""
