"""What `SERVE=1` prints: how a developer and a contract author go on from here."""

from __future__ import annotations

from oracle.sandbox.demo.committee_stages import HONEST
from oracle.sandbox.demo.crash import COLLATERAL_UNITS
from oracle.sandbox.demo.loans import find_safe
from oracle.sandbox.demo.market_stages import SCORED
from oracle.sandbox.demo.session import Demo

CONSUMER = "contracts/src/examples/ScoredVault.sol"
CLIENT = """import httpx

with httpx.Client(base_url="{url}") as assay:
    score = assay.get("/v1/borrowers/{address}/score").raise_for_status().json()
    print(score["summary"])
    quote = assay.get(
        "/v1/quote",
        params={{
            "borrower": "{address}",
            "market": "{market}",
            "chain_id": {chain_id},
            "amount": "1000000000",
        }},
    ).raise_for_status().json()
    print(quote["quote"]["allowed"], quote["quote"]["refusal"], quote["max_ltv_bps"])"""


async def print_serving(demo: Demo) -> None:
    """Print three real addresses with curl lines, the docs, a Python client and the Solidity example.

    The average borrower gets collateral in the market, so that his quotes are those of somebody who may borrow.
    """
    view, url = demo.view, demo.committee.url(HONEST)
    market = demo.market(SCORED)
    average = demo.ranked[len(demo.ranked) // 2]
    await market.open_position(average.address, COLLATERAL_UNITS)
    chosen = [find_safe(demo.ranked), average, demo.ranked[-1]]
    print_plain = view.console.out
    view.console.print("\n[bold]Serving until Ctrl-C.[/] Three borrowers of this world:")
    for label, borrower in zip(("safe", "average", "risky"), chosen, strict=True):
        print_plain(f"  # {label}\n  curl -s {url}/v1/borrowers/{borrower.address}/score")
    print_plain(f"  curl -s {url}/v1/collaterals\n  curl -s {url}/v1/reports/latest")
    view.console.print(
        "\nFor the pages of this project; the average borrower has collateral in the market and no debt:"
    )
    print_plain(
        f"  export NODE={url} ADDRESS={average.address}\n"
        f"  export MARKET={market.address} CHAIN={demo.second_chain.chain_id}"
    )
    view.console.print(
        f"\nInteractive documentation: [cyan]{url}/docs[/]\n\n[bold]A Python client[/] (pip install httpx):"
    )
    client = CLIENT.format(url=url, address=average.address, market=market.address, chain_id=demo.second_chain.chain_id)
    print_plain(client)
    view.console.print(
        f"\n[bold]A Solidity consumer[/]: {CONSUMER}; addresses of everything: {demo.world.manifest_path}"
    )
