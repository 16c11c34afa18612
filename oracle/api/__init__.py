"""The REST API of a node: scores, proofs, terms, reports and who said what, for developers and lending users."""
