"""Evaluation of a bundle on data that its training never saw."""
