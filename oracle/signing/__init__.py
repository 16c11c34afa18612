"""Keys and signatures: the signer port, the keystore, recovery of who signed."""
