"""The cut's hash and the report's EIP-712 digest, against the shared vectors."""

from __future__ import annotations

import json
from pathlib import Path

from oracle.domain.ids import parse_hash, to_hex
from oracle.domain.report import DOMAIN_SEPARATOR, ChainCut, Cut, Report
from oracle.domain.units import BlockNumber, ChainId, Epoch


def test_cut_hash__shared_vectors__equal(vectors_dir: Path) -> None:
    for case in json.loads((vectors_dir / "cut.json").read_text())["cases"]:
        cut = Cut(
            epoch=Epoch(int(case["epoch"])),
            chains=tuple(
                ChainCut(
                    chain_id=ChainId(int(c["chainId"])),
                    block_number=BlockNumber(int(c["blockNumber"])),
                    block_hash=parse_hash(c["blockHash"]),
                )
                for c in case["cuts"]
            ),
            stalled_chains=int(case["stalledChains"]),
        )

        assert to_hex(cut.hash) == case["cutHash"]


def test_report_hash__shared_vectors__equal(vectors_dir: Path) -> None:
    vectors = json.loads((vectors_dir / "report.json").read_text())

    assert to_hex(DOMAIN_SEPARATOR) == vectors["domainSeparator"]
    for case in vectors["cases"]:
        report = Report(
            config_digest=parse_hash(case["configDigest"]),
            epoch=Epoch(int(case["epoch"])),
            cut_hash=parse_hash(case["cutHash"]),
            scores_root=parse_hash(case["scoresRoot"]),
            observers=int(case["observers"]),
            borrowers=int(case["borrowers"]),
            collaterals=int(case["collaterals"]),
            stalled_chains=int(case["stalledChains"]),
        )

        assert to_hex(report.hash) == case["reportHash"]
