"""What is handed to a peer or to the chain is what the peer or the chain means."""

from __future__ import annotations

import numpy as np
import xgboost as xgb
from eth_abi.abi import encode

from oracle.domain.ids import keccak256
from oracle.domain.units import Epoch
from oracle.scoring.model import PADDING_THRESHOLD, Trees
from tests.bench.gas import calldata_gas, encode_verify, make_score
from tests.bench.scoring import to_booster


def test_to_booster__two_small_trees__walks_them_as_written() -> None:
    # Tree 0: slot 1 < 100 ? (slot 2 < 7, missing left ? 1 : 2) : 3 (padded). Tree 1: always 4. Units of 1/4096.
    trees = Trees(
        depth=2,
        features=np.array([[1, 2, 0], [0, 0, 0]]),
        thresholds=np.array([[100, 7, PADDING_THRESHOLD], [PADDING_THRESHOLD] * 3]),
        default_left=np.array([[0, 1, 1], [1, 1, 1]]),
        leaves=np.array([[1, 2, 3, 3], [4, 4, 4, 4]]),
    )
    nan = np.nan
    rows = np.array([[9, 99, 6], [9, 99, 7], [9, 100, 6], [9, nan, 6], [9, 99, nan]], dtype=np.float32)

    data = xgb.DMatrix(rows, base_margin=np.zeros(len(rows), dtype=np.float32), nthread=1)
    margins = to_booster(trees, 3).predict(data, output_margin=True) * 4_096

    assert margins.tolist() == [5, 6, 7, 7, 5]


def test_encode_verify__a_score_and_two_siblings__is_the_abi_encoding() -> None:
    score, proof = make_score(5), (keccak256(b"a"), keccak256(b"b"))
    fields = "(uint8,bytes32,int32,int32,uint32,uint32,uint16,uint8,bytes4,bytes32)"
    values = (
        1, score.subject, score.state_offset, score.behaviour_margin, score.pd_ppm, score.pd_upper_ppm, score.points,
        score.grade, score.reasons, score.features_hash,
    )  # fmt: skip

    data = encode_verify(Epoch(7), score, proof)

    assert data[:4] == keccak256(f"verifyBorrower(uint64,{fields},bytes32[])".encode())[:4]
    assert data[4:] == encode(("uint64", fields, "bytes32[]"), (7, values, list(proof)))


def test_calldata_gas__zero_and_other_bytes__cost_four_and_sixteen() -> None:
    assert calldata_gas(bytes(3) + b"\x01\xff") == 3 * 4 + 2 * 16
