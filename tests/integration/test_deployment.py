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
from oracle.node.deployment.bytecode import load_code
from oracle.node.deployment.commands import deploy_everywhere
from oracle.node.deployment.market_spec import BoundsSpec, GateSpec, MarketSpec
from oracle.node.deployment.plan import CONTRACTS, FACTORY, plan_chain
from oracle.node.deployment.spec import read_spec, read_tables
from oracle.sandbox.artifacts import REPOSITORY, find_program
from oracle.sandbox.chains import AnvilChain
from oracle.scoring.bundle import load_bundle
from tests.integration.deployment_world import (
    CONFIG,
    DAY_S,
    GENESIS_S,
    IDS,
    KEY,
    SIGNER,
    TOKEN,
    document,
    with_market,
    write_spec,
)

pytestmark = pytest.mark.anyio
FEES = FeePolicy(poll_ms=20)


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
        assert await chain.read(oracle, "newestDigest()", returns=("bytes32",)) == (CONFIG.digest,)
        assert await chain.read(oracle, "dispute()", returns=("address",)) == (file["score_dispute"].lower(),)
    assert "staking" in files[0]
    assert all("staking" not in file for file in files[1:])


async def test_deploy__with_a_market__lends_by_its_gate_and_the_released_tables(
    chains: dict[int, AnvilChain], tmp_path: Path
) -> None:
    """In mode shadow the fallback of the gate is what everybody gets."""
    home, urls = chains[IDS[0]], urls_of(chains)
    path = write_spec(tmp_path / "spec", urls, **await with_market(home, urls))

    assert await deploy_everywhere(path, tmp_path / "out", SIGNER, FEES)

    file = json.loads((tmp_path / "out" / f"addresses-{IDS[0]}.json").read_text())
    market, gate = file["market_WETH_USDC"], file["gate_WETH_USDC"]
    tables = load_bundle("borrower-1", allow_sandbox=False).tables_bytes
    assert await home.rpc("eth_getCode", file["borrower_tables"], "latest") == "0x00" + tables.hex()
    assert await home.read(market, "gate()", returns=("address",)) == (gate.lower(),)
    assert await home.read(market, "liquidationThresholdBps()", returns=("uint256",)) == (7_500,)
    assert await home.read(gate, "staking()", returns=("address",)) == (file["staking"].lower(),)
    assert await home.read(gate, "oracle()", returns=("address",)) == (file["risk_oracle"].lower(),)


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
    urls = urls_of(chains)
    path = write_spec(tmp_path / "spec", urls, **await with_market(chains[IDS[0]], urls))
    try:
        await deploy_everywhere(path, out, None, FEES)
        for chain_id, chain in chains.items():
            command = [
                str(find_program("forge")), "script", "contracts/script/Deploy.s.sol", "--sig", "run(string,string)",
                str(out / f"plan-{chain_id}.json"), str(out / f"forge-{chain_id}.json"), "--rpc-url", chain.url, "--broadcast", "--slow",
                "--private-key", "0x" + KEY.hex(),
            ]  # fmt: skip
            done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: ASYNC221
            if done.returncode:
                pytest.fail(done.stderr[-2_000:])
        sent = [await count_sent(chain) for chain in chains.values()]

        assert await deploy_everywhere(path, out, SIGNER, FEES)

        assert [await count_sent(chain) for chain in chains.values()] == sent
        for chain_id in IDS:
            assert (out / f"forge-{chain_id}.json").read_bytes() == (out / f"addresses-{chain_id}.json").read_bytes()
    finally:
        shutil.rmtree(out, ignore_errors=True)


def test_read_spec__market_backed_where_no_stake_is_or_of_another_model__refused(tmp_path: Path) -> None:
    gate: dict[str, Any] = dict.fromkeys(GateSpec.model_fields, 1) | {
        "owner": TOKEN, "guardian": TOKEN, "mode": "live", "bounds": dict.fromkeys(BoundsSpec.model_fields, 1),
        "backing": {"stake_feed": TOKEN, "max_age_seconds": 1, "share_bps": 1},
    }  # fmt: skip
    places = ("loan_token", "collateral_token", "loan_feed", "collateral_feed", "numeraire")
    market = (
        dict.fromkeys(MarketSpec.model_fields, 1)
        | dict.fromkeys(places, TOKEN)
        | {"name": "M", "symbol": "m", "gate": gate}
    )
    chains = document(dict.fromkeys(IDS, "http://x"))["chains"]
    chains[1]["markets"] = [market]
    with pytest.raises(ConfigurationError, match="holds no stake that could back M"):
        read_spec(write_spec(tmp_path, dict.fromkeys(IDS, "http://x"), chains=chains))

    gate["backing"] = None
    path = write_spec(tmp_path, dict.fromkeys(IDS, "http://x"), chains=chains, borrower_bundle="collateral-1")
    with pytest.raises(ConfigurationError, match="the committee scores by"):
        read_tables(*read_spec(path))


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
