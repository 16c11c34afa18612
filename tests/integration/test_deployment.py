"""`assay contracts deploy` on two real chains: plan, deploy, break off, go on, verify; and the forge script, which finds the same addresses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from oracle.delivery.transactions import FeePolicy
from oracle.domain.ids import keccak256, to_checksum, to_hex
from oracle.errors import (
    ConfigurationError,
    ForeignCodeError,
    MissingFactoryError,
    OtherDisputeError,
    RefusedCreationError,
    UnfundedError,
    WrongChainError,
)
from oracle.node.committee_file import write_committee
from oracle.node.deployment.bytecode import load_code
from oracle.node.deployment.commands import deploy_everywhere
from oracle.node.deployment.plan import CONTRACTS, FACTORY, plan_chain
from oracle.node.deployment.spec import read_spec
from oracle.sandbox.artifacts import REPOSITORY, find_program
from oracle.sandbox.chains import AnvilChain
from oracle.signing.signer import LocalSigner
from tests.node.committee import vector_config

pytestmark = pytest.mark.anyio
GENESIS_S = 1_760_000_000
DAY_S = 86_400
KEY = keccak256(b"deployer")
SIGNER = LocalSigner(KEY)
FEES = FeePolicy(poll_ms=20)
IDS = tuple(int(chain.chain_id) for chain in vector_config().params.chains)
TOKEN = "0x" + "70" * 20


def document(urls: dict[int, str], **changes: Any) -> dict[str, Any]:
    """A deployment over the chains of the frozen committee; the first is home and pays."""
    chains: list[dict[str, Any]] = [{"chain_id": i, "rpc_urls": [urls[i]]} for i in IDS]
    chains[0]["reward"] = {"token": TOKEN, "per_report": 10**18}
    staking = {
        "home_chain_id": IDS[0], "token": TOKEN, "unbonding_seconds": 60 * DAY_S, "slowest_publication_seconds": DAY_S,
        "incident_seconds": DAY_S, "wrong_score_bps": 500,
    }  # fmt: skip
    return {
        "committee": "committee.json", "salt": to_hex(keccak256(b"salt")), "owner": to_checksum(SIGNER.address),
        "curator": "0x" + "c0" * 20, "grace_seconds": 600, "challenge_seconds": 3_600, "digest_seconds": 28 * DAY_S,
        "recovery_seconds": 7 * DAY_S, "evidence_window_seconds": 60 * DAY_S, "demand_gas_price_wei": 10**10, "staking": staking, "chains": chains,
    } | changes  # fmt: skip


def write_spec(folder: Path, urls: dict[int, str], **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    write_committee(vector_config(), folder / "committee.json")
    path = folder / "deployment.json"
    path.write_text(json.dumps(document(urls, **changes)))
    return path


@pytest.fixture
async def chains(tmp_path: Path) -> AsyncIterator[dict[int, AnvilChain]]:
    async with AsyncExitStack() as stack:
        started = {}
        for chain_id in IDS:
            chain = await AnvilChain.start(chain_id, directory=tmp_path / "chains", genesis_s=GENESIS_S)
            stack.push_async_callback(chain.stop)
            await chain.rpc("evm_setAutomine", True)
            await chain.fund([to_checksum(SIGNER.address)], 10**20)
            started[chain_id] = chain
        yield started


def urls_of(chains: dict[int, AnvilChain]) -> dict[int, str]:
    return {chain_id: chain.url for chain_id, chain in chains.items()}


async def count_sent(chain: AnvilChain) -> int:
    return int(await chain.rpc("eth_getTransactionCount", to_checksum(SIGNER.address), "latest"), 16)


async def test_deploy__without_execute__says_and_sends_nothing(
    chains: dict[int, AnvilChain], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    assert not await deploy_everywhere(write_spec(tmp_path / "spec", urls_of(chains)), out, None, FEES)

    said = capsys.readouterr().out
    assert said.count("create, ") == 6 + 4 * (len(IDS) - 1)
    assert sorted(path.name for path in out.iterdir()) == sorted(f"plan-{i}.json" for i in IDS)
    assert [await count_sent(chain) for chain in chains.values()] == [0] * len(IDS)


async def test_deploy__twice__stands_on_every_chain_and_sends_nothing_more(
    chains: dict[int, AnvilChain], tmp_path: Path
) -> None:
    path, out = write_spec(tmp_path / "spec", urls_of(chains)), tmp_path / "out"

    assert await deploy_everywhere(path, out, SIGNER, FEES)
    assert await deploy_everywhere(path, out, SIGNER, FEES)

    assert [await count_sent(chain) for chain in chains.values()] == [7] + [5] * (len(IDS) - 1)
    files = [json.loads((out / f"addresses-{i}.json").read_text()) for i in IDS]
    assert len({file["risk_oracle"] for file in files}) == 1
    for file, chain in zip(files, chains.values(), strict=True):
        oracle = file["risk_oracle"]
        assert await chain.read(oracle, "newestDigest()", returns=("bytes32",)) == (vector_config().digest,)
        assert await chain.read(oracle, "dispute()", returns=("address",)) == (file["score_dispute"].lower(),)
    assert "staking" in files[0]
    assert all("staking" not in file for file in files[1:])


async def test_deploy__broken_off__goes_on_where_it_was(chains: dict[int, AnvilChain], tmp_path: Path) -> None:
    """Somebody else sent two of the contracts, in another order, before the run broke off."""
    path, out = write_spec(tmp_path / "spec", urls_of(chains)), tmp_path / "out"
    spec, config = read_spec(path)
    codes = {name: load_code(name) for name in CONTRACTS}
    plan = plan_chain(spec, config, spec.chains[0], codes)
    home = chains[IDS[0]]
    for key in ("risk_oracle", "score_tables"):
        request = {
            "from": "0x" + "ee" * 20,
            "to": to_hex(FACTORY),
            "data": to_hex(plan.step(key).call),
            "gas": hex(9_000_000),
        }
        await home.fund(["0x" + "ee" * 20], 10**20)
        await home.rpc("eth_sendTransaction", request)

    assert await deploy_everywhere(path, out, SIGNER, FEES)

    assert await count_sent(home) == 5
    assert json.loads((out / f"addresses-{IDS[0]}.json").read_text())["risk_oracle"] == to_checksum(
        plan.step("risk_oracle").address
    )


async def test_deploy__sender_is_not_the_owner__leaves_the_dispute_to_the_owner(
    chains: dict[int, AnvilChain], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_spec(tmp_path / "spec", urls_of(chains), owner="0x" + "0a" * 20)

    assert not await deploy_everywhere(path, tmp_path / "out", SIGNER, FEES)

    assert capsys.readouterr().out.count("left to the owner") == len(IDS)


async def test_deploy__without_funds__sends_nothing_and_names_the_sum(
    chains: dict[int, AnvilChain], tmp_path: Path
) -> None:
    home = chains[IDS[0]]
    await home.fund([to_checksum(SIGNER.address)], 10**12)

    with pytest.raises(UnfundedError) as raised:
        await deploy_everywhere(write_spec(tmp_path / "spec", urls_of(chains)), tmp_path / "out", SIGNER, FEES)

    assert (raised.value.chain_id, raised.value.given_wei) == (IDS[0], 10**12)
    assert await count_sent(home) == 0


async def test_deploy__wrong_chain_foreign_code_or_no_factory__refused(
    chains: dict[int, AnvilChain], tmp_path: Path
) -> None:
    urls = urls_of(chains)
    swapped = write_spec(tmp_path / "swapped", dict(zip(IDS, reversed(list(urls.values())), strict=True)))
    path = write_spec(tmp_path / "spec", urls)
    spec, config = read_spec(path)
    plan = plan_chain(spec, config, spec.chains[0], {name: load_code(name) for name in CONTRACTS})
    home = chains[IDS[0]]

    with pytest.raises(WrongChainError):
        await deploy_everywhere(swapped, tmp_path / "out", SIGNER, FEES)
    await home.rpc("anvil_setCode", to_checksum(plan.step("model_registry").address), "0x6001")
    with pytest.raises(ForeignCodeError, match="2 bytes of code that are not ModelRegistry"):
        await deploy_everywhere(path, tmp_path / "out", SIGNER, FEES)
    await home.rpc("anvil_setCode", to_hex(FACTORY), "0x")
    with pytest.raises(MissingFactoryError):
        await deploy_everywhere(path, tmp_path / "out", SIGNER, FEES)


async def test_deploy__constructor_refuses__names_the_contract_and_goes_on_once_corrected(
    chains: dict[int, AnvilChain], tmp_path: Path
) -> None:
    """A gas price beyond what ScoreDispute takes; the four contracts before it stand by then."""
    urls, out = urls_of(chains), tmp_path / "out"
    with pytest.raises(RefusedCreationError) as raised:
        await deploy_everywhere(write_spec(tmp_path / "spec", urls, demand_gas_price_wei=10**30), out, SIGNER, FEES)
    assert raised.value.name == "ScoreDispute"
    assert to_hex(keccak256(b"InvalidDemand(string,uint256,uint256)")[:4]) in raised.value.reason
    assert await count_sent(chains[IDS[0]]) == 4

    assert await deploy_everywhere(write_spec(tmp_path / "spec", urls), out, SIGNER, FEES)

    assert await count_sent(chains[IDS[0]]) == 7


async def test_deploy__other_figures_for_the_dispute__names_both(chains: dict[int, AnvilChain], tmp_path: Path) -> None:
    """The dispute contract is another, the oracle the same: it is bound already."""
    urls = urls_of(chains)
    await deploy_everywhere(write_spec(tmp_path / "spec", urls), tmp_path / "out", SIGNER, FEES)

    with pytest.raises(OtherDisputeError):
        await deploy_everywhere(
            write_spec(tmp_path / "spec", urls, demand_gas_price_wei=7), tmp_path / "out", SIGNER, FEES
        )


async def test_deploy_script__of_forge__writes_the_same_addresses(
    chains: dict[int, AnvilChain], tmp_path: Path
) -> None:
    """Forge deploys first; what our command then finds is all there, and its file is the same to the byte."""
    out = REPOSITORY / "build" / "deployments" / f"test-{os.getpid()}"
    path = write_spec(tmp_path / "spec", urls_of(chains))
    try:
        await deploy_everywhere(path, out, None, FEES)
        for chain_id, chain in chains.items():
            command = [
                str(find_program("forge")), "script", "contracts/script/Deploy.s.sol", "--sig", "run(string,string)",
                str(out / f"plan-{chain_id}.json"), str(out / f"forge-{chain_id}.json"), "--rpc-url", chain.url, "--broadcast", "--slow",
                "--private-key", "0x" + KEY.hex(),
            ]  # fmt: skip
            done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: ASYNC221
            assert done.returncode == 0, done.stderr[-2_000:]
        sent = [await count_sent(chain) for chain in chains.values()]

        assert await deploy_everywhere(path, out, SIGNER, FEES)

        assert [await count_sent(chain) for chain in chains.values()] == sent
        for chain_id in IDS:
            assert (out / f"forge-{chain_id}.json").read_bytes() == (out / f"addresses-{chain_id}.json").read_bytes()
    finally:
        shutil.rmtree(out, ignore_errors=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"challenge_seconds": 10**9}, "must be less than validity_seconds"),
        ({"evidence_window_seconds": DAY_S}, "evidence_window_seconds 86400 must be at least"),
        ({"digest_seconds": 60 * DAY_S}, "must be more than"),
        ({"salt": "0x12"}, "salt"),
        ({"surprise": 1}, "surprise"),
        ({"chains": [{"chain_id": 77, "rpc_urls": ["http://x"]}]}, "does not know chain 77"),
        ({"chains": [{"chain_id": IDS[0], "rpc_urls": ["http://x"]}] * 2}, "named twice"),
        ({"committee": "absent.json"}, "absent.json"),
    ],
)
def test_read_spec__wrong_content__names_it(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = write_spec(tmp_path, dict.fromkeys(IDS, "http://x"), **changes)

    with pytest.raises(ConfigurationError, match=words):
        read_spec(path)
