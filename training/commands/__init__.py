"""The subcommands of `python -m training`, one module each: `add_parser` declares its options, `run` does it and returns the exit code."""
