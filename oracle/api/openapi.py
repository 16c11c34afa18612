"""Prints the OpenAPI document; `--check FILE` compares it with a committed one instead.

Canonical: two-space JSON, keys sorted, so that a drift is a readable diff.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from oracle.api.app import build_app


def openapi_json() -> str:
    """Return the document."""
    return json.dumps(build_app().openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Print the document, or return 1 if the given file differs from it."""
    parser = argparse.ArgumentParser(prog="python -m oracle.api.openapi", description=__doc__)
    parser.add_argument("--check", metavar="FILE", type=Path, help="compare with this file")
    options = parser.parse_args(arguments)
    document = openapi_json()
    if options.check is None:
        sys.stdout.write(document)
        return 0
    if options.check.is_file() and options.check.read_text(encoding="utf-8") == document:
        return 0
    sys.stderr.write(f"{options.check} is not what the code serves: run make openapi and commit it\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
