"""The bench: what Assay costs, each figure beside a named peer or limit."""
