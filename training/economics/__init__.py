"""What scores are worth in money: a market replayed on real prices under four rules, and what gaming a score costs."""
