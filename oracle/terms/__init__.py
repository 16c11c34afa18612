"""Loan terms from a collateral score, a behaviour margin and the loan asked for. Pure; twin of the Solidity library."""
