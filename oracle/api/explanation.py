"""What lies behind a leaf: decoded features, exact contributions with words, and why a subject is unrated.

Worked out from the leaf's own vector by the integer reference, so it needs no ONNX Runtime and adds up to the leaf's margin exactly.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from oracle.api.reason_texts import text_of
from oracle.domain.fixed_point import Z_AT_LIQUIDATION
from oracle.domain.units import Margin
from oracle.features.quantize import MISSING, SIGNED_ZERO
from oracle.features.registry import Feature
from oracle.scoring.bundle import Bundle
from oracle.scoring.reasons import explain_vector
from oracle.scoring.reference import compute_margins


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One feature's part of the margin; `code` is the byte used in leaves, slot plus one."""

    code: int
    feature: str
    margin: Margin
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureValue:
    """One slot, as stored and in its unit; both None if it is missing."""

    feature: Feature
    encoded_number: int | None
    value_number: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafExplanation:
    """Everything that can be said about a leaf whose vector is here."""

    features: tuple[FeatureValue, ...]
    bias: Margin
    adverse: tuple[Reason, ...]
    favourable: tuple[Reason, ...]
    shadow_margin: Margin | None
    unrated_because: tuple[str, ...]


def explain_leaf(bundle: Bundle, packed: bytes) -> LeafExplanation:
    """Return the explanation of a packed vector of the bundle's kind."""
    vector = unpack_vector(packed)
    parts = explain_vector(bundle, vector)
    return LeafExplanation(
        features=decode_features(bundle, vector),
        bias=parts.bias,
        adverse=tuple(_reason(c.slot, c.name, c.margin) for c in parts.adverse),
        favourable=tuple(_reason(c.slot, c.name, c.margin) for c in parts.favourable),
        shadow_margin=None if bundle.trees_active else _trees_margin(bundle, vector),
        unrated_because=find_unrated_causes(bundle, vector),
    )


def unpack_vector(packed: bytes) -> tuple[int, ...]:
    """Return the slots of a packed vector, two big-endian bytes each."""
    return struct.unpack(f">{len(packed) // 2}H", packed)


def decode_features(bundle: Bundle, vector: tuple[int, ...]) -> tuple[FeatureValue, ...]:
    """Return every slot by name, in slot order."""
    return tuple(
        FeatureValue(
            feature=feature,
            encoded_number=None if x == MISSING else x,
            value_number=None if x == MISSING else _decode(feature.kind, x),
        )
        for feature, x in zip(bundle.schema, vector, strict=True)
    )


def find_unrated_causes(bundle: Bundle, vector: tuple[int, ...]) -> tuple[str, ...]:
    """Return in words what makes the vector unrated; empty if it is rated. The same predicate as `Model.is_unrated`."""
    causes = []
    for feature, x, support in zip(bundle.schema, vector, bundle.model.support, strict=True):
        if x == MISSING:
            if support.is_required:
                causes.append(f"{feature.name} is missing: there is too little history")
        elif not support.lo <= x <= support.hi:
            causes.append(f"{feature.name} lies outside what the model was trained on")
    return tuple(causes)


def _trees_margin(bundle: Bundle, vector: tuple[int, ...]) -> Margin:
    return Margin(int(compute_margins(bundle.model.trees, np.asarray([vector], dtype=np.int64))[0]))


def _reason(slot: int, name: str, margin: Margin) -> Reason:
    return Reason(code=slot + 1, feature=name, margin=margin, text=text_of(name, is_adverse=margin > 0))


def _decode(kind: str, encoded: int) -> int:
    """Invert the encodings of `oracle.features.quantize`; a clamped value comes back as its clamp."""
    if kind == "z":
        return encoded - Z_AT_LIQUIDATION
    return encoded - (SIGNED_ZERO if kind == "signed" else 1)
