"""Settings of one operator: read once from a TOML file and the environment, frozen, passed on.

Environment variables (`ASSAY_` and the name in capitals, `__` between levels) override the file. Paths are relative to the file's folder.
Nothing here is shared between nodes: what all of them must agree on is in the committee file (`committee_file`).
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from oracle.consensus.committee import MAINNET_TIMING, SANDBOX_TIMING, Timing
from oracle.domain.ids import Address, parse_address
from oracle.errors import ConfigurationError, MalformedValueError

MEBIBYTE = 1 << 20


def _check_address(text: str) -> str:
    try:
        return "0x" + parse_address(text.lower()).hex()
    except MalformedValueError as error:
        raise ValueError(str(error)) from error


AddressText = Annotated[str, AfterValidator(_check_address)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MarketSettings(_Section):
    """A LendingMarket whose open loans get their scores posted."""

    address: AddressText
    start_block: int = 0


class KeeperSettings(_Section):
    """A contract that this node keeps in step with its pair's score; `asset` is a steward's reserve."""

    kind: Literal["gate", "steward", "morpho"]
    address: AddressText
    asset: AddressText = "0x" + 40 * "0"

    @model_validator(mode="after")
    def _check_asset(self) -> Self:
        if (self.kind == "steward") == (int(self.asset, 16) == 0):
            raise ValueError("a steward, and nothing else, has an asset")
        return self


class ChainSettings(_Section):
    """One chain: at least two endpoints of different providers, and where its oracle contract is."""

    chain_id: int
    rpc_urls: tuple[str, ...] = Field(min_length=2, repr=False)
    risk_oracle: AddressText
    markets: tuple[MarketSettings, ...] = ()
    keeper: tuple[KeeperSettings, ...] = ()


class DeliverySettings(_Section):
    """When reports are published, how many borrowers are posted with one, and what may be spent."""

    heartbeat_s: int = Field(default=3_600, ge=1)
    deviation_ppm: int = Field(default=2_000, ge=1)
    posted_borrowers: int = Field(default=20, ge=0, le=200)
    daily_cap_wei: int = Field(default=10**18, ge=0)
    max_fee_gwei: int = Field(default=500, ge=1)
    replace_after_s: int = Field(default=60, ge=1)
    answer_demands: bool = Field(
        default=True, description="show vectors where the oracle's dispute contract takes demands"
    )


class TimingSettings(_Section):
    """Overrides of the profile's waiting times; safety does not depend on them."""

    view_timeout_ms: int | None = None
    grace_ms: int | None = None
    fetch_ms: int | None = None
    resend_ms: int | None = None
    stage_ms: int | None = None
    stall_ms: int | None = None
    poll_ms: int = Field(default=1_000, ge=50, description="how often finalised heads are asked for")


class LocalSettings(BaseSettings):
    """Everything that an operator decides."""

    model_config = SettingsConfigDict(
        env_prefix="ASSAY_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    profile: Literal["mainnet", "sandbox"] = "mainnet"
    keystore: Path
    password_file: Path | None = None
    keystore_password: SecretStr | None = None
    database: Path
    committee: Path
    listen_host: str = "127.0.0.1"
    listen_port: int = Field(default=7_101, ge=0, le=65_535)
    peers: dict[AddressText, str] = Field(default_factory=dict, description="URL of each other member, by its address")
    chains: tuple[ChainSettings, ...]
    borrower_bundle: str = "borrower-1"
    collateral_bundle: str = "collateral-1"
    delivery: DeliverySettings = DeliverySettings()
    timing: TimingSettings = TimingSettings()
    clock: Literal["system", "chain"] = "system"
    max_body_bytes: int = Field(default=32 * MEBIBYTE, ge=MEBIBYTE)
    kept_epochs: int = Field(default=48, ge=2)
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment above the file, whose values arrive as arguments."""
        return env_settings, init_settings

    @property
    def is_sandbox(self) -> bool:
        """Return whether this node runs on a sandbox."""
        return self.profile == "sandbox"

    def peer_urls(self) -> dict[Address, str]:
        """Return the URL of each peer by its raw address."""
        return {parse_address(address): url.rstrip("/") for address, url in self.peers.items()}

    def consensus_timing(self) -> Timing:
        """Return the profile's waiting times with the overrides."""
        base = SANDBOX_TIMING if self.is_sandbox else MAINNET_TIMING
        t = self.timing
        return Timing(
            view_timeout_ms=t.view_timeout_ms or base.view_timeout_ms,
            grace_ms=base.grace_ms if t.grace_ms is None else t.grace_ms,
            fetch_ms=t.fetch_ms or base.fetch_ms,
            resend_ms=t.resend_ms or base.resend_ms,
            stage_ms=t.stage_ms or base.stage_ms,
            stall_ms=t.stall_ms or base.stall_ms,
        )

    def read_password(self) -> str:
        """Return the keystore's password, from the environment or its file.

        Raises:
            ConfigurationError: if neither is there.
        """
        if self.keystore_password is not None:
            return self.keystore_password.get_secret_value()
        if self.password_file is None:
            raise ConfigurationError(
                "no keystore password: set ASSAY_KEYSTORE_PASSWORD, or password_file in the config"
            )
        return read_password_file(self.password_file)


def read_password_file(path: Path) -> str:
    """Return a file's password, without the newline that ends it.

    Raises:
        ConfigurationError: if it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"password file {path}: {error.strerror}") from error


_PATHS = ("keystore", "password_file", "database", "committee")


def load_settings(path: Path) -> LocalSettings:
    """Return the settings of a TOML file, with the environment above it.

    Raises:
        ConfigurationError: naming each setting that is missing, unknown or wrong.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"config {path}: {error.strerror}; make one with `assay node init`") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"config {path} is not TOML: {error}") from error
    for name in _PATHS:
        if isinstance(values.get(name), str):
            values[name] = path.parent / values[name]
    try:
        settings = LocalSettings(**values)
    except ValidationError as error:
        words = "; ".join(_explain_field(e["type"], e["loc"], e["msg"], values) for e in error.errors())
        raise ConfigurationError(f"config {path}: {words}") from None
    _check_profile(settings)
    return settings


def explain_validation(error: ValidationError) -> str:
    """Return one line that names each wrong field; inputs are not repeated, they may be secret."""
    return "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'document'}: {e['msg']}" for e in error.errors())


_SECTIONS: dict[str, type[BaseModel]] = {
    "delivery": DeliverySettings,
    "timing": TimingSettings,
    "chains": ChainSettings,
    "markets": MarketSettings,
    "keeper": KeeperSettings,
}


def _explain_field(kind: str, loc: tuple[int | str, ...], message: str, values: dict[str, Any]) -> str:
    """Return what is wrong with one setting, in the words of the file; its value is not repeated."""
    match (kind, loc):
        case "too_short", ("chains", int(index), "rpc_urls"):
            return f"{_name_chain(values, index)}: give two endpoints of different providers in rpc_urls"
        case "extra_forbidden", (*path, str(name)):
            section = next((str(part) for part in reversed(path) if part in _SECTIONS), "")
            known = _SECTIONS.get(section, LocalSettings).model_fields
            near = get_close_matches(name, known, n=1)
            return f"{'.'.join(map(str, loc))}: there is no such setting" + (
                f", did you mean {near[0]}?" if near else ""
            )
        case _:
            return f"{'.'.join(map(str, loc)) or 'document'}: {message}"


def _name_chain(values: dict[str, Any], index: int) -> str:
    """Return a chain's id as the file gives it; by position if it gives none, or the environment gave the chains."""
    try:
        return f"chain {int(values['chains'][index]['chain_id'])}"
    except (KeyError, IndexError, TypeError, ValueError):
        return f"chains.{index}"


def _check_profile(settings: LocalSettings) -> None:
    if settings.clock == "chain" and not settings.is_sandbox:
        raise ConfigurationError('clock = "chain" is for the sandbox only: a mainnet node uses the system clock')
    chain_ids = [chain.chain_id for chain in settings.chains]
    if len(set(chain_ids)) != len(chain_ids):
        raise ConfigurationError("a chain is configured twice")
