"""Deploys the contracts of one deployment on every chain: the same addresses whoever sends, nothing twice, everything checked afterwards."""
