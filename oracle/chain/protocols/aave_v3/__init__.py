"""Aave v3: positions, interest and health factors from logs alone, equal to `Pool.getUserAccountData`."""
