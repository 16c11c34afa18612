"""Settings: complete or refused with every wrong field named; the environment above the file; nothing secret shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.consensus.committee import MAINNET_TIMING, SANDBOX_TIMING
from oracle.errors import ConfigurationError
from oracle.node.settings import load_settings
from oracle.node.templates import ChainText, ConfigText

ADDRESS = "0x" + "ab" * 20


def config_text(**changes: object) -> ConfigText:
    values: dict[str, object] = {
        "profile": "sandbox",
        "listen_host": "127.0.0.1",
        "listen_port": 7_105,
        "committee": "committee.json",
        "borrower_bundle": "borrower-1",
        "collateral_bundle": "collateral-1",
        "peers": {ADDRESS: "http://127.0.0.1:7106/"},
        "chains": [
            ChainText(chain_id=1, rpc_urls=("http://a", "http://b"), risk_oracle=ADDRESS, markets=((ADDRESS, 9),))
        ],
    }
    return ConfigText(**(values | changes))  # type: ignore[arg-type]


def write(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text)
    return path


def test_load_settings__rendered_template__comes_back_with_paths_beside_it(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, config_text().render()))

    assert settings.database == tmp_path / "node.db"
    assert settings.committee == tmp_path / "committee.json"
    assert settings.peer_urls() == {bytes.fromhex("ab" * 20): "http://127.0.0.1:7106"}
    assert settings.chains[0].markets[0].start_block == 9
    assert settings.consensus_timing() == SANDBOX_TIMING


def test_load_settings__environment__is_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_LISTEN_PORT", "9000")
    monkeypatch.setenv("ASSAY_DELIVERY__HEARTBEAT_S", "77")

    settings = load_settings(write(tmp_path, config_text().render()))

    assert settings.listen_port == 9_000
    assert settings.delivery.heartbeat_s == 77
    assert settings.delivery.deviation_ppm == 2_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "keystore"),
        ("not toml at all", "not TOML"),
        (config_text().render().replace("listen_port = 7105", "listen_port = 99999"), "listen_port"),
        (
            config_text().render().replace("listen_port", "listen_prot", 1),
            "listen_prot: there is no such setting, did you mean listen_port",
        ),
        (
            config_text().render().replace("heartbeat_s", "hartbeat_s"),
            "delivery.hartbeat_s: there is no such setting, did you mean heartbeat_s",
        ),
        (
            config_text().render().replace("start_block", "zzz"),
            "chains.0.markets.0.zzz: there is no such setting$",
        ),
        (config_text(peers={"0x12": "http://a"}).render(), "peers"),
        (
            config_text(chains=[ChainText(chain_id=1, rpc_urls=("http://a",), risk_oracle=ADDRESS)]).render(),
            "chain 1: give two endpoints of different providers",
        ),
        (
            config_text(chains=[ChainText(chain_id=1, rpc_urls=(), risk_oracle=ADDRESS)])
            .render()
            .replace("chain_id = 1", ""),
            r"chains\.0\.chain_id: Field required; chains\.0: give two endpoints",
        ),
        (config_text(profile="testnet").render(), "profile"),
    ],
)
def test_load_settings__wrong_file__names_the_field(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_settings(write(tmp_path, text))


def test_load_settings__missing_file__names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="assay node init"):
        load_settings(tmp_path / "absent.toml")


def test_load_settings__chain_clock_on_mainnet__is_refused(tmp_path: Path) -> None:
    text = 'clock = "chain"\n' + config_text(profile="mainnet").render()

    with pytest.raises(ConfigurationError, match="sandbox only"):
        load_settings(write(tmp_path, text))


def test_consensus_timing__mainnet_with_an_override__keeps_the_rest(tmp_path: Path) -> None:
    text = config_text(profile="mainnet").render().replace("[timing]", "[timing]\ngrace_ms = 5")

    timing = load_settings(write(tmp_path, text)).consensus_timing()

    assert timing.grace_ms == 5
    assert timing.view_timeout_ms == MAINNET_TIMING.view_timeout_ms


def test_read_password__from_the_environment__is_in_no_repr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_KEYSTORE_PASSWORD", "open sesame")

    settings = load_settings(write(tmp_path, config_text().render()))

    assert settings.read_password() == "open sesame"
    assert "sesame" not in repr(settings)


def test_rpc_urls__with_a_key_of_a_provider__are_in_no_repr(tmp_path: Path) -> None:
    chain = ChainText(chain_id=1, rpc_urls=("https://a/v2/key-of-a", "https://b/v2/key-of-b"), risk_oracle=ADDRESS)

    settings = load_settings(write(tmp_path, config_text(chains=[chain]).render()))

    assert settings.chains[0].rpc_urls[0].endswith("key-of-a")
    assert "key-of" not in repr(settings)


def test_read_password__file__is_read_without_its_newline(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")

    assert load_settings(write(tmp_path, config_text().render())).read_password() == "open sesame"


def test_read_password__nowhere__says_what_to_set(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, config_text().render()))

    with pytest.raises(ConfigurationError, match="password file"):
        settings.read_password()


def keeper_text(kind: str, asset: str = "") -> str:
    named = f'asset = "{asset}"\n' if asset else ""
    return config_text().render() + f'\n[[chains.keeper]]\nkind = "{kind}"\naddress = "{ADDRESS}"\n{named}'


def test_load_settings__keeper__names_contracts_of_its_chain(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, keeper_text("steward", ADDRESS)))

    (target,) = settings.chains[0].keeper
    assert (target.kind, target.address, target.asset) == ("steward", ADDRESS, ADDRESS)
    assert load_settings(write(tmp_path, keeper_text("gate"))).chains[0].keeper[0].asset == "0x" + 40 * "0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (keeper_text("steward"), "a steward, and nothing else, has an asset"),
        (keeper_text("gate", ADDRESS), "a steward, and nothing else, has an asset"),
        (keeper_text("feed"), "chains.0.keeper.0.kind"),
        (keeper_text("gate") + 'adress = "0x"\n', "did you mean address?"),
    ],
)
def test_load_settings__keeper_that_is_wrong__is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words.replace("?", r"\?")):
        load_settings(write(tmp_path, text))
