"""Values that every room shares: units, ids, positions, events, scores, reports. Pure; imports only `oracle.errors`."""
