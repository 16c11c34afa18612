"""Explanations with the released bundles: exact sums, shadow margins, and the reasons for being unrated."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.api.explanation import explain_leaf, find_unrated_causes, unpack_vector
from oracle.domain.score import ScoreKind
from oracle.scoring.bundle import Bundle, load_bundle, released_bundles
from oracle.scoring.reference import compute_margins

BUNDLES = [load_bundle(name, allow_sandbox=True) for name in released_bundles()]
SLOT = st.one_of(st.just(0), st.integers(1, 65_534))


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
@given(data=st.data())
def test_explain_leaf__any_vector__parts_add_up_to_the_margin(bundle: Bundle, data: st.DataObject) -> None:
    vector = tuple(data.draw(st.lists(SLOT, min_size=len(bundle.schema), max_size=len(bundle.schema))))

    found = explain_leaf(bundle, struct.pack(f">{len(vector)}H", *vector))

    total = found.bias + sum(reason.margin for reason in (*found.adverse, *found.favourable))
    offset = bundle.model.borrower_tables.state_offset(vector[0]) if bundle.kind is ScoreKind.BORROWER else 0
    behaviour = total - offset
    assert (found.shadow_margin is None) == bundle.trees_active
    # In shadow only the position counts.
    trees = int(compute_margins(bundle.model.trees, np.asarray([vector], dtype=np.int64))[0])
    assert behaviour == (trees if bundle.trees_active else 0)
    assert found.shadow_margin in (None, trees)
    assert bool(found.unrated_because) == bundle.model.is_unrated(vector)
    assert [item.encoded_number or 0 for item in found.features] == list(vector)


def test_find_unrated_causes__outside_the_support__names_the_feature() -> None:
    bundle = next(b for b in BUNDLES if b.kind is ScoreKind.BORROWER)
    inside = tuple(max(support.lo, 1) for support in bundle.model.support)
    outside = (*inside[:1], bundle.model.support[1].hi + 1, *inside[2:])

    assert find_unrated_causes(bundle, inside) == ()
    assert find_unrated_causes(bundle, outside) == (
        f"{bundle.schema[1].name} lies outside what the model was trained on",
    )


def test_unpack_vector__big_endian_pairs__are_slots() -> None:
    assert unpack_vector(bytes.fromhex("000184d0fffe")) == (1, 34_000, 65_534)
