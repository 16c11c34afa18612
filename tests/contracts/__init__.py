"""What proves the tests of the contracts: lines that are wrong on purpose, and how much of the code ran."""
