"""Feature vectors of borrowers and collaterals: integers computed from histories, nothing else. Pure; shared with training."""
