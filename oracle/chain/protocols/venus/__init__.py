"""Venus core pool: a Comptroller and its vTokens, of the Compound v2 family."""
