"""A local multi-chain world: anvil chains, the real Aave v3, Assay's contracts and generated activity."""
