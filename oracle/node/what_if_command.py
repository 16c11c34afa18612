"""`assay what-if`: the smallest repayment or addition of collateral that reaches terms, asked of a node's API. Exit codes: 0 answered, 1 refused, 2 wrong usage."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from oracle.errors import ConfigurationError, OracleError

TIMEOUT_S = 30.0
_console = Console(soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(name="what-if")(what_if)


def what_if(
    borrower: Annotated[str, typer.Argument(help="Address of the borrower.")],
    market: Annotated[str, typer.Argument(help="Address of the market.")],
    node: Annotated[str, typer.Option(help="URL of a node's API.")] = "http://127.0.0.1:7101",
    amount: Annotated[int | None, typer.Option(help="Loan on top, in the loan token's smallest unit.")] = None,
    max_premium_bps: Annotated[int | None, typer.Option(help="Premium to reach, bps a year.")] = None,
    max_ltv_bps: Annotated[int | None, typer.Option(help="Highest step of the menu to reach.")] = None,
    chain_id: Annotated[
        int | None, typer.Option(help="Needed where one address is a market on several chains.")
    ] = None,
    proof: Annotated[bool, typer.Option(help="Whether the borrower's score is presented.")] = True,
) -> None:
    """Say what to repay, or what collateral to add, to get terms; each suffices by itself, and one unit less does not."""
    asked = {
        "borrower": borrower,
        "market": market,
        "amount": amount,
        "max_premium_bps": max_premium_bps,
        "max_ltv_bps": max_ltv_bps,
        "chain_id": chain_id,
        "proof": str(proof).lower(),
    }
    try:
        with httpx.Client(base_url=node, timeout=TIMEOUT_S) as client:
            body = fetch_what_if(client, {name: value for name, value in asked.items() if value is not None})
    except OracleError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {escape(str(error))}")
        raise typer.Exit(1) from error
    for line in describe(body):
        _console.print(escape(line))


def fetch_what_if(client: httpx.Client, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the API's answer.

    Raises:
        ConfigurationError: if the node does not answer, or refuses; with its own words.
    """
    try:
        answer = client.get("/v1/what-if", params=parameters)
        body = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ConfigurationError(
            f"no answer from a node's API at {client.base_url}: {type(error).__name__}; name one with --node"
        ) from error
    if not isinstance(body, dict) or answer.is_error or "repay" not in body:
        detail = body.get("detail", answer.reason_phrase) if isinstance(body, dict) else answer.reason_phrase
        raise ConfigurationError(f"{client.base_url} refuses: {detail}")
    return body


def describe(body: dict[str, Any]) -> list[str]:
    """Return an answer in words, amounts in loan tokens."""

    def show(units: str) -> str:
        decimals = int(body["loan_decimals"])
        whole, part = divmod(int(units), 10**decimals)
        return (
            f"{whole:,}.{part:0{decimals}d} {body['loan_symbol']}" if decimals else f"{whole:,} {body['loan_symbol']}"
        )

    lines = [
        f"debt {show(body['debt'])} on collateral worth {show(body['collateral_value'])}, at block {body['block']['block_number']}",
        f"{body['basis_text']}",
        f"asked for: {_goal(body)}",
    ]
    if body["reached"]:
        lines.append("these terms are reached: nothing to do")
    else:
        lines.append(f"repay {show(body['repay'])} ({body['repay']} units)")
        if body["top_up_value"] is not None:
            lines.append(f"or add collateral worth {show(body['top_up_value'])} ({body['top_up_value']} units)")
    return [*lines, *body["notes"]]


def _goal(body: dict[str, Any]) -> str:
    """Return the terms to reach in words, and up to which LTV they are had."""
    words = ["a loan that is granted"]
    if body.get("max_premium_bps") is not None:
        words.append(f"at most {body['max_premium_bps'] / 100:.2f} % a year")
    if body.get("max_ltv_bps") is not None:
        words.append(f"no step of the menu above {body['max_ltv_bps'] / 100:.2f} %")
    reach = f"had up to an LTV of {body['ask_bps'] / 100:.2f} %" if body.get("ask_bps") else "had at no LTV"
    return f"{', '.join(words)}; {reach}"
