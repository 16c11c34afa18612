"""`world.json`: where everything of a running world is, for integrators, nodes and the demo.

Written by the sandbox, read by anyone; additions are allowed, a change of meaning raises `version`. Addresses are EIP-55 text.
Keys are public test keys, derived from the seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ManifestModel(BaseModel):
    """Frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenEntry(ManifestModel):
    """A token on one chain. `price_usd_e8` is its price when the manifest was written; without a place on Aave it has no `a_token`."""

    symbol: str
    address: str
    decimals: int
    feed: str = Field(description="AggregatorV3 in USD with 8 decimals; emits AnswerUpdated")
    numeraire: Literal["USD", "ETH", "BTC"]
    issuer_risk: int
    bridge_risk: int
    price_usd_e8: int
    a_token: str
    variable_debt_token: str


class AaveEntry(ManifestModel):
    """Aave v3 on one chain."""

    pool: str
    addresses_provider: str
    configurator: str
    data_provider: str
    oracle: str
    treasury: str


class MarketEntry(ManifestModel):
    """A market of Assay. `terms` says whether it reads scores."""

    name: str
    address: str
    collateral: str
    loan: str
    numeraire: Literal["USD", "ETH", "BTC"]
    terms: Literal["scored", "static"]
    start_block: int


class AssayEntry(ManifestModel):
    """Assay's contracts on one chain."""

    risk_oracle: str
    borrower_tables: str
    config_digest: str
    markets: tuple[MarketEntry, ...]


class MorphoMarketEntry(ManifestModel):
    """One isolated market; `lltv_wad` is text, since JSON numbers end at 2^53."""

    market_id: str
    collateral: str
    loan: str
    oracle: str
    irm: str
    lltv_wad: str


class MorphoEntry(ManifestModel):
    """Morpho Blue on one chain."""

    singleton: str
    start_block: int
    markets: tuple[MorphoMarketEntry, ...]


class ChainEntry(ManifestModel):
    """One chain. `rpc_urls[0]` is the chain itself, `rpc_urls[1]` a relay of it that stands in for a second provider."""

    chain_id: int
    rpc_urls: tuple[str, ...]
    start_block: int = Field(description="block of the first deployment; indexing may begin here")
    history_end_block: int = Field(description="last block of the history")
    history_start_s: int
    history_end_s: int
    tokens: tuple[TokenEntry, ...]
    aave: AaveEntry
    morpho: MorphoEntry | None = None
    assay: AssayEntry | None = None

    def token(self, symbol: str) -> TokenEntry:
        """Return a token by symbol. Raises: KeyError."""
        return {token.symbol: token for token in self.tokens}[symbol]


class AccountEntry(ManifestModel):
    """An account whose key is known: committee member, deployer, liquidator, integrator, or a borrower that stands for its kind.

    Borrowers are labelled by behaviour, and two of them `safe` and `risky`; all have open debt, where possible on every chain.
    """

    role: str
    label: str
    address: str
    private_key: str


class BorrowerEntry(ManifestModel):
    """A generated or replayed borrower; one with `has_code` lives on one chain, `owner` sends for it; `vault_id` is its id in the replayed data.

    `liquidations` and `debt_usd` (whole dollars, estimated) are those of all its chains when the history ends.
    """

    address: str
    owner: str
    behaviour: str
    chain_ids: tuple[int, ...]
    has_code: bool
    is_delegated: bool = False
    liquidations: int = 0
    debt_usd: int = 0
    vault_id: int | None = None


class ActivityReport(ManifestModel):
    """What the history of one chain holds; failed transactions are counted, never hidden."""

    chain_id: int
    blocks: int
    transactions: int
    failed_transactions: int
    failures: dict[str, int]
    actions: dict[str, int]
    liquidations: int
    liquidated_borrowers: int


class CommitteeEntry(ManifestModel):
    """The committee of both oracles; `parameters` are the inputs of the config digest that contracts do not show."""

    members: tuple[str, ...]
    f: int
    q: int
    prev_digest: str
    from_epoch: int
    epoch_seconds: int
    validity_seconds: int
    grace_seconds: int
    borrower_model_id: str
    collateral_model_id: str
    params_hash: str
    config_digest: str


class ReplayEntry(ManifestModel):
    """Where a replayed history comes from. Times are the data's own: on the chains all are `shift_s` (whole days) later.

    `is_synthetic` says that every fourth owner was put on both chains, which no data tell. `report` lies beside `world.json`.
    """

    dataset: str
    is_synthetic: bool
    shift_s: int
    data_start_s: int = Field(description="first row of the data")
    data_end_s: int = Field(description="last row of the data")
    vaults: int
    exact_vaults: int
    liquidated_vaults: int
    rows: int
    replayed_rows: int
    report: str


class WorldManifest(ManifestModel):
    """Everything an integrator needs to use a running world."""

    version: Literal[1] = 1
    seed: int
    world_key: str
    chains: tuple[ChainEntry, ...]
    committee: CommitteeEntry | None = None
    accounts: tuple[AccountEntry, ...]
    borrowers: tuple[BorrowerEntry, ...]
    activity: tuple[ActivityReport, ...]
    replay: ReplayEntry | None = None

    def chain(self, chain_id: int) -> ChainEntry:
        """Return a chain by id. Raises: KeyError."""
        return {chain.chain_id: chain for chain in self.chains}[chain_id]

    def account(self, role: str, label: str | None = None) -> AccountEntry:
        """Return the first account of a role, and of a label if given. Raises: KeyError."""
        for account in self.accounts:
            if account.role == role and label in (None, account.label):
                return account
        raise KeyError((role, label))

    def write(self, path: Path) -> None:
        """Write `world.json`."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> WorldManifest:
        """Read `world.json`."""
        return cls.model_validate_json(path.read_bytes())
