"""Assay: a DeFi lending risk oracle whose every score can be recomputed from the blocks."""
