"""Chain access: finalised blocks over raw JSON-RPC, indexed logs, positions and prices from logs alone, histories at a cut."""
