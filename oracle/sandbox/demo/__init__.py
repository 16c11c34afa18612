"""The demo: one world, four nodes, and everything a lender would want to see, in two minutes.

It uses only what a user has: the `assay` command, the nodes' HTTP API and the chains' JSON-RPC.
"""
