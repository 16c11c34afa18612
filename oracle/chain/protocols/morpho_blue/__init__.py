"""Morpho Blue: isolated markets of one singleton, positions and interest from logs alone, equal to the contract's own view."""
