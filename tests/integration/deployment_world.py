"""What a deployment's tests deploy: a file over the frozen committee with the released borrower model, and a market over tokens of the test's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from oracle.domain.ids import USD, keccak256, to_checksum, to_hex
from oracle.node.committee_file import write_committee
from oracle.sandbox.aave import Deployer
from oracle.sandbox.accounts import derive_account
from oracle.sandbox.artifacts import load_forge_artifact
from oracle.sandbox.chains import AnvilChain
from oracle.scoring.bundle import load_bundle
from oracle.signing.signer import LocalSigner
from tests.node.committee import released_config

GENESIS_S = 1_760_000_000
DAY_S = 86_400
KEY = keccak256(b"deployer")
SIGNER = LocalSigner(KEY)
PARAMS = replace(released_config().params, borrower_model_id=load_bundle("borrower-1", allow_sandbox=False).model_id)
CONFIG = replace(released_config(), params=PARAMS)
IDS = tuple(int(chain.chain_id) for chain in PARAMS.chains)
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
    write_committee(CONFIG, folder / "committee.json")
    path = folder / "deployment.json"
    path.write_text(json.dumps(document(urls, **changes)))
    return path


async def with_market(home: AnvilChain, urls: dict[int, str]) -> dict[str, Any]:
    """Put tokens and feeds on the home chain and return `chains` and `staking` with a market over them there, backed by stake."""
    deployer = Deployer(chain=home, address=derive_account(1, "tokens").address, clock_s=GENESIS_S)
    await home.fund([deployer.address], 10**20)
    await home.rpc("evm_setAutomine", False)
    token, feed = load_forge_artifact("SandboxToken"), load_forge_artifact("ScriptedFeed")
    named = ("string", "string", "uint8")
    weth, usdc = (deployer.create(token, {}, named, n, n, d) for n, d in (("WETH", 18), ("USDC", 6)))
    priced = ("uint8", "string", "int192")
    feeds = [
        deployer.create(feed, {}, priced, 8, f"{n} / USD", p) for n, p in (("WETH", 3_000 * 10**8), ("USDC", 10**8))
    ]
    await deployer.run()
    await home.rpc("evm_setAutomine", True)
    gate = {
        "owner": "0x" + "0a" * 20, "guardian": "0x" + "0b" * 20, "mode": "shadow", "timelock_seconds": DAY_S, "veto_seconds": DAY_S,
        "ramp_bps_per_hour": 25, "loosening_bps_per_day": 100, "fallback_threshold_bps": 7_500, "fallback_ltv_bps": 5_000,
        "bounds": {
            "min_liquidation_threshold_bps": 6_000, "max_liquidation_threshold_bps": 9_000, "max_ltv_ceiling_bps": 8_500,
            "max_ltv_floor_bps": 7_000, "min_volatility_ppm": 10_000, "min_gap_ppm": 100,
        },
        "exposure_cap": 10**12, "capped_exposure_cap": 10**11,
        "backing": {"stake_feed": feeds[1], "max_age_seconds": DAY_S, "share_bps": 2_500},
    }  # fmt: skip
    market = {
        "name": "WETH_USDC", "symbol": "asWETH", "loan_token": usdc, "collateral_token": weth, "loan_feed": feeds[1],
        "collateral_feed": feeds[0], "numeraire": to_checksum(USD), "loan_price_max_age_seconds": DAY_S,
        "collateral_price_max_age_seconds": DAY_S, "close_factor_bps": 5_000, "liquidation_bonus_bps": 500, "base_rate_bps": 0,
        "slope_low_bps": 400, "slope_high_bps": 6_000, "kink_bps": 9_000, "severity_bps": 1_000, "budget_ppm": 300,
        "floor_premium_bps": 300, "weight_bps": 5_000, "borrower_limit": 10**12, "gate": gate,
    }  # fmt: skip
    made = document(urls)
    made["chains"][0]["markets"] = [market]
    made["staking"]["token"] = weth
    return {key: made[key] for key in ("chains", "staking")}
