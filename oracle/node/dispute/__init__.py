"""What anyone does against a wrong report: recompute it, collect the evidence, and submit what a chain can check."""
