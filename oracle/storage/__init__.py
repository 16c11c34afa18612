"""What a node keeps on disk: votes, reports, scores with their vectors, blames, and its indexed rows."""
