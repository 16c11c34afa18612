"""`model.bin`, the normative bytes of a model, and the model id.

Source: `tests/vectors/FORMATS.md`, section 8.
"""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np

from oracle.domain.ids import Hash32, keccak256
from oracle.domain.score import ScoreKind
from oracle.domain.units import Bps
from oracle.errors import MalformedValueError
from oracle.scoring.model import (
    GRADES_COUNT,
    LAYOUT_VERSION,
    POINTS_COUNT,
    TABLE_SIZE,
    BorrowerTables,
    CollateralTables,
    Model,
    ModelFlag,
    Support,
    Trees,
)

MAGIC = b"ASY1"
_HEADER = struct.Struct(">4sBBHBBH32s")
HEADER_BYTES = _HEADER.size
_BORROWER = struct.Struct(f">257iiB{TABLE_SIZE}I{TABLE_SIZE}I{POINTS_COUNT}IH{GRADES_COUNT}I")
_COLLATERAL = struct.Struct(f">iB{TABLE_SIZE}I{TABLE_SIZE}IHHHHB")
_SUPPORT = struct.Struct(">HHB")
_NODE = np.dtype([("feature", ">u1"), ("threshold", ">u2"), ("default_left", ">u1")])


def model_id(data: bytes) -> Hash32:
    """Return the id of a serialised model."""
    return keccak256(data)


def encode_tables(tables: BorrowerTables | CollateralTables) -> bytes:
    """Return the tables section: what a chain stores to price borrowers, or collaterals."""
    if isinstance(tables, BorrowerTables):
        return _BORROWER.pack(
            *tables.state_offsets,
            tables.lo,
            tables.shift,
            *tables.pd_ppm,
            *tables.pd_upper_ppm,
            *tables.points_thresholds_ppm,
            tables.reference_lgd_bps,
            *tables.grade_thresholds_ppm,
        )
    return _COLLATERAL.pack(
        tables.lo,
        tables.shift,
        *tables.gap_ppm,
        *tables.drawdown_bps,
        tables.bonus_bps,
        tables.threshold_cap_bps,
        tables.buffer_bps,
        tables.floor_share_bps,
        tables.volatility_slot,
    )


def encode_model(model: Model) -> bytes:
    """Return `model.bin`."""
    trees = model.trees
    header = _HEADER.pack(
        MAGIC,
        model.kind,
        model.n_features,
        trees.n_trees,
        trees.depth,
        model.flags,
        LAYOUT_VERSION,
        model.schema_digest,
    )
    support = b"".join(_SUPPORT.pack(s.lo, s.hi, s.is_required) for s in model.support)
    return (
        header + encode_tables(model.tables) + support + b"".join(_encode_tree(trees, i) for i in range(trees.n_trees))
    )


def decode_model(data: bytes) -> Model:
    """Return the model that `data` serialises.

    Raises:
        MalformedValueError: if the header is unknown, the length is not what the header says, or a slot is neither
            required nor not.
    """
    if len(data) < _HEADER.size:
        raise MalformedValueError("model.bin", f"{len(data)} bytes", f"at least {_HEADER.size}")
    magic, kind, n_features, n_trees, depth, flags, layout, digest = _HEADER.unpack_from(data)
    if magic != MAGIC or layout != LAYOUT_VERSION or kind not in (1, 2):
        raise MalformedValueError("model.bin header", data[: _HEADER.size].hex(), "magic ASY1, layout 1, kind 1 or 2")
    table_struct = _BORROWER if kind == ScoreKind.BORROWER else _COLLATERAL
    tree_bytes = ((1 << depth) - 1) * _NODE.itemsize + (1 << depth) * 2
    expected = _HEADER.size + table_struct.size + n_features * _SUPPORT.size + n_trees * tree_bytes
    if len(data) != expected:
        raise MalformedValueError("model.bin", f"{len(data)} bytes", f"{expected} bytes")
    position = _HEADER.size
    numbers = table_struct.unpack_from(data, position)
    tables = _borrower_tables(numbers) if kind == ScoreKind.BORROWER else _collateral_tables(numbers)
    position += table_struct.size
    support = _decode_support(data[position : position + n_features * _SUPPORT.size])
    position += n_features * _SUPPORT.size
    return Model(
        kind=ScoreKind(kind),
        n_features=n_features,
        flags=ModelFlag(flags),
        schema_digest=Hash32(digest),
        tables=tables,
        support=support,
        trees=_decode_trees(data[position:], n_trees, depth),
    )


def _decode_support(data: bytes) -> tuple[Support, ...]:
    rows = tuple(_SUPPORT.iter_unpack(data))
    for slot, (_, _, required) in enumerate(rows):
        # Another byte would load as the same model under another id, which no chain registers.
        if required > 1:
            raise MalformedValueError(f"required of slot {slot} in model.bin", str(required), "0 or 1")
    return tuple(Support(lo=lo, hi=hi, is_required=bool(required)) for lo, hi, required in rows)


def _encode_tree(trees: Trees, index: int) -> bytes:
    nodes = np.empty((1 << trees.depth) - 1, dtype=_NODE)
    nodes["feature"] = trees.features[index]
    nodes["threshold"] = trees.thresholds[index]
    nodes["default_left"] = trees.default_left[index]
    leaves = trees.leaves[index]
    if int(leaves.min()) < -(2**15) or int(leaves.max()) > 2**15 - 1:
        raise MalformedValueError("leaf", f"{leaves.min()}..{leaves.max()}", "values that fit int16")
    return bytes(nodes.tobytes() + leaves.astype(">i2").tobytes())


def _decode_trees(data: bytes, n_trees: int, depth: int) -> Trees:
    node_count, leaf_count = (1 << depth) - 1, 1 << depth
    tree = np.dtype([("nodes", _NODE, (node_count,)), ("leaves", ">i2", (leaf_count,))])
    rows = np.frombuffer(data, dtype=tree, count=n_trees)
    nodes = rows["nodes"]
    return Trees(
        depth=depth,
        features=nodes["feature"].astype(np.int64).reshape(n_trees, node_count),
        thresholds=nodes["threshold"].astype(np.int64).reshape(n_trees, node_count),
        default_left=nodes["default_left"].astype(np.int64).reshape(n_trees, node_count),
        leaves=rows["leaves"].astype(np.int64).reshape(n_trees, leaf_count),
    )


def _borrower_tables(numbers: tuple[int, ...]) -> BorrowerTables:
    cuts = [0, 257, 258, 259]
    for size in (TABLE_SIZE, TABLE_SIZE, POINTS_COUNT, 1, GRADES_COUNT):
        cuts.append(cuts[-1] + size)
    offsets, lo, shift, pd, upper, points, lgd, grades = (numbers[a:b] for a, b in pairwise(cuts))
    return BorrowerTables(
        state_offsets=offsets,
        lo=lo[0],
        shift=shift[0],
        pd_ppm=pd,
        pd_upper_ppm=upper,
        points_thresholds_ppm=points,
        reference_lgd_bps=Bps(lgd[0]),
        grade_thresholds_ppm=grades,
    )


def _collateral_tables(numbers: tuple[int, ...]) -> CollateralTables:
    lo, shift = numbers[:2]
    gap, drawdown = numbers[2 : 2 + TABLE_SIZE], numbers[2 + TABLE_SIZE : 2 + 2 * TABLE_SIZE]
    bonus, cap, buffer, floor_share, slot = numbers[2 + 2 * TABLE_SIZE :]
    return CollateralTables(
        lo=lo,
        shift=shift,
        gap_ppm=gap,
        drawdown_bps=drawdown,
        bonus_bps=Bps(bonus),
        threshold_cap_bps=Bps(cap),
        buffer_bps=Bps(buffer),
        floor_share_bps=Bps(floor_share),
        volatility_slot=slot,
    )
