"""Adapters from data folders to the values that features are computed from."""
