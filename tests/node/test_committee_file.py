"""`committee.json`: its digest is that of its content, or it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oracle.domain.committee import MarketParams
from oracle.domain.ids import Address, to_hex
from oracle.domain.units import BlockNumber
from oracle.errors import ConfigurationError
from oracle.node.committee_file import read_committee, write_committee
from tests.node.committee import released_config


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "committee.json"
    write_committee(released_config(), path)
    document = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(document))
    return path


def test_read_committee__written_by_us__is_the_same_configuration(tmp_path: Path) -> None:
    config = read_committee(written(tmp_path))

    assert config == released_config()
    assert to_hex(config.digest) == "0x2eaaf62ff484605c71801ee4dd8e96ae405af61b370d5bb113a1c0d34addd204"


def test_read_committee__one_member_changed__names_both_digests(tmp_path: Path) -> None:
    members = [to_hex(member) for member in released_config().members]
    path = written(tmp_path, members=["0x" + "11" * 20, *members[1:]])

    with pytest.raises(ConfigurationError, match="says digest 0x2eaa"):
        read_committee(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"f": 2}, "cannot stand 2 faults"),
        ({"q": 1}, "attestation quorum"),
        ({"members": ["0x12"]}, "members"),
        ({"prev_digest": "0x12"}, "hash"),
        ({"chains": []}, "chain"),
        ({"surprise": 1}, "surprise"),
        ({"leaf_layout_version": 9}, "digest"),
    ],
)
def test_read_committee__wrong_content__names_it(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_committee(written(tmp_path, **changes))


def test_read_committee__morpho_without_listed_markets__says_what_to_add(tmp_path: Path) -> None:
    config, path = released_config(), tmp_path / "committee.json"
    (first, *others), morpho = config.params.chains, Address(b"\xff" * 20)
    singleton = MarketParams(protocol="morpho_blue", market=morpho, start_block=BlockNumber(9))
    market = MarketParams(
        protocol="morpho_blue_market", market=Address(b"\xff" * 19 + b"\xfe"), start_block=BlockNumber(9)
    )

    for added in ((singleton,), (market,), (market, singleton)):
        chains = (replace(first, markets=(*first.markets, *added)), *others)
        write_committee(replace(config, params=replace(config.params, chains=chains)), path)
        if len(added) == 2:
            assert read_committee(path).params.chains == chains
            continue
        with pytest.raises(ConfigurationError, match=rf"committee.json: chain {first.chain_id}: .*add 'morpho_blue"):
            read_committee(path)


def test_read_committee__missing_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_committee(tmp_path / "absent.json")
