"""The pure rooms know no float, clock, randomness, environment, I/O or concurrency.

Everything from a block to a signature is an integer, and the same input gives the same bits on any machine.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source_tree import Module, imported_names, pure_modules

# An allow-list: whatever is not named here has to be argued for. numpy is here for integer columns.
PURE_IMPORTS = frozenset(
    "__future__ abc bisect collections dataclasses enum functools hashlib heapq itertools json math numpy operator oracle "
    "re sha3 eth_abi struct types typing".split()
)
FLOAT_MATH = frozenset(
    "acos asin atan atan2 cbrt cos e exp exp2 expm1 fsum inf log log10 log1p log2 nan pi pow sin sqrt tan tau".split()
)
IMPURE_CALLS = frozenset("open print input exec eval compile breakpoint id hash float complex __import__".split())
FLOAT_NUMPY = frozenset(
    "float16 float32 float64 double half single floating random mean average std var log log2 log10 exp sqrt divide "
    "true_divide nan inf linspace load save fromfile datetime64".split()
)


def find_impurities(module: Module) -> Iterator[str]:
    """Yield `path:line: what` for everything a pure room must not hold."""
    for statement, name in imported_names(module):
        if name.split(".")[0] not in PURE_IMPORTS:
            yield f"{module.at(statement)}: imports {name}"
    for node in ast.walk(module.tree):
        match node:
            case ast.Constant(value=float() | complex()):
                yield f"{module.at(node)}: float literal {ast.unparse(node)}"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield f"{module.at(node)}: true division; use mul_div_down or mul_div_up"
            case ast.Attribute(value=ast.Name(id="math"), attr=attr) if attr in FLOAT_MATH:
                yield f"{module.at(node)}: math.{attr}"
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=attr) if attr in FLOAT_NUMPY:
                yield f"{module.at(node)}: numpy.{attr}"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield f"{module.at(node)}: calls {name}()"
            case ast.ImportFrom(module="math", names=names) if any(n.name in FLOAT_MATH for n in names):
                yield f"{module.at(node)}: float functions from math"
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield f"{module.at(node)}: async"
            case ast.Global() | ast.Nonlocal():
                yield f"{module.at(node)}: rebinds outer state"


def test_pure_rooms__every_module__holds_no_float_clock_randomness_or_io() -> None:
    impurities = [found for module in pure_modules() for found in find_impurities(module)]

    assert impurities == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os.path",
        "from random import randint",
        "import asyncio",
        "import logging",
        "import socket",
        "def f():\n    from datetime import datetime",
        "x = 1.5",
        "x = a / b",
        "x /= 2",
        "x = math.log(2)",
        "from math import log2",
        "y = float(x)",
        "print(1)",
        "async def f(): ...",
        "x = np.float64(1)",
    ],
)
def test_find_impurities__impure_source__is_found(source: str) -> None:
    module = Module(path="oracle/domain/example.py", text=source, tree=ast.parse(source))

    assert list(find_impurities(module)) != []


def test_find_impurities__integer_source__is_clean() -> None:
    source = "from math import isqrt\nx = a // b\ny = isqrt(x) + 0x10 * 3\n"
    module = Module(path="oracle/domain/example.py", text=source, tree=ast.parse(source))

    assert list(find_impurities(module)) == []
