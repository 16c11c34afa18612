"""Config files written for people: TOML with a comment where a choice has to be made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainText:
    """One `[[chains]]` section; `markets` are (address, start block)."""

    chain_id: int
    rpc_urls: tuple[str, ...]
    risk_oracle: str
    markets: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigText:
    """The values of a config file; paths are relative to it."""

    profile: str
    listen_host: str
    listen_port: int
    committee: str
    borrower_bundle: str
    collateral_bundle: str
    peers: Mapping[str, str]
    chains: Sequence[ChainText]
    heartbeat_s: int = 3_600
    deviation_ppm: int = 2_000
    poll_ms: int = 5_000
    replace_after_s: int = 60
    daily_cap_wei: int = 10**18
    log_format: str = "console"

    def render(self) -> str:
        """Return the file's text."""
        return "\n".join((*self._head(), *self._sections(), *self._peers(), *self._chains())) + "\n"

    def _head(self) -> list[str]:
        return [
            "# Settings of one node. Environment variables override them: ASSAY_LISTEN_PORT, ASSAY_DELIVERY__HEARTBEAT_S, ...",
            "# `assay node check --config` this file says in plain words what is wrong.",
            f"profile = {_text(self.profile)}",
            'keystore = "keystore.json"',
            'password_file = "password"   # or ASSAY_KEYSTORE_PASSWORD',
            'database = "node.db"',
            f"committee = {_text(self.committee)}   # the same file for every member; its digest is printed at start",
            f"listen_host = {_text(self.listen_host)}",
            f"listen_port = {self.listen_port}",
            f"borrower_bundle = {_text(self.borrower_bundle)}",
            f"collateral_bundle = {_text(self.collateral_bundle)}",
            f"log_format = {_text(self.log_format)}   # console or json",
            "",
        ]

    def _sections(self) -> list[str]:
        return [
            "[delivery]",
            f"heartbeat_s = {self.heartbeat_s}   # publish at least this often",
            f"deviation_ppm = {self.deviation_ppm}   # and whenever a probability moved this far",
            f"replace_after_s = {self.replace_after_s}   # raise the fee of a transaction that waits longer",
            f"daily_cap_wei = {self.daily_cap_wei}   # the most that one chain may cost in 24 hours",
            "",
            "[timing]",
            f"poll_ms = {self.poll_ms}   # how often finalised heads and landings are asked for",
            "",
        ]

    def _peers(self) -> list[str]:
        return ["[peers]   # address of each other member, and where it listens"] + [
            f"{_text(address)} = {_text(url)}" for address, url in self.peers.items()
        ]

    def _chains(self) -> list[str]:
        lines: list[str] = []
        for chain in self.chains:
            lines += ["", "[[chains]]", f"chain_id = {chain.chain_id}"]
            lines.append(f"rpc_urls = {json.dumps(list(chain.rpc_urls))}   # at least two, of different providers")
            lines.append(f"risk_oracle = {_text(chain.risk_oracle)}")
            for address, start_block in chain.markets:
                lines += ["[[chains.markets]]", f"address = {_text(address)}", f"start_block = {start_block}"]
        return lines


def _text(value: str) -> str:
    """Return a TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(value, ensure_ascii=False)
