"""Delivery: brings a committed report and the scores worth posting to the chains, once."""
