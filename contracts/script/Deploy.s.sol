// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { Script } from "forge-std/Script.sol";
import { stdJson } from "forge-std/StdJson.sol";

import { LendingMarket } from "../src/LendingMarket.sol";
import { ModelRegistry } from "../src/ModelRegistry.sol";
import { RewardPot } from "../src/RewardPot.sol";
import { RiskGate } from "../src/RiskGate.sol";
import { RiskOracle } from "../src/RiskOracle.sol";
import { ScoreDispute } from "../src/ScoreDispute.sol";
import { ScoreTables } from "../src/ScoreTables.sol";
import { Staking } from "../src/Staking.sol";
import { ILendingMarket } from "../src/interfaces/ILendingMarket.sol";
import { IModelRegistry } from "../src/interfaces/IModelRegistry.sol";
import { IRiskGate } from "../src/interfaces/IRiskGate.sol";
import { IScoreOracle } from "../src/interfaces/IScoreOracle.sol";
import { IStaking } from "../src/interfaces/IStaking.sol";

/// @notice Carries out a chain's plan that `assay contracts deploy` wrote, and writes the same addresses file:
///         `forge script contracts/script/Deploy.s.sol --sig 'run(string,string)' PLAN ADDRESSES --rpc-url URL --broadcast ...`
/// @dev Creation code is compiled here and arguments are read by their types, so the addresses are found a second time. An address
///      is a hash of both, and the factory is checked by its code: what stands there was made of them. What stands is left alone.
contract Deploy is Script {
    using stdJson for string;

    error WrongChain(uint256 given, uint256 planned);
    error MissingFactory(address factory, bytes32 codeHash);
    error NotCreated(string name, address at);
    error WrongDigest(bytes32 given, bytes32 planned);
    error OtherDispute(address given, address planned);

    bytes32 private constant _FACTORY_CODE_HASH = 0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989;

    string private _plan;
    bytes32 private _salt;
    string private _file;

    function run(string calldata planPath, string calldata addressesPath) external {
        _plan = vm.readFile(planPath);
        _salt = _plan.readBytes32(".salt");
        uint256 planned = _plan.readUint(".chain_id");
        if (planned != block.chainid) revert WrongChain(block.chainid, planned);
        if (CREATE2_FACTORY.codehash != _FACTORY_CODE_HASH) {
            revert MissingFactory(CREATE2_FACTORY, CREATE2_FACTORY.codehash);
        }
        vm.startBroadcast();
        string memory tables = _line("score_tables", _create("score_tables", type(ScoreTables).creationCode));
        RiskOracle oracle = _oracle();
        address registry = _registry();
        _file = string.concat("{\n  \"chain_id\": ", vm.toString(planned), ",\n  \"config_digest\": \"");
        _file = string.concat(_file, vm.toString(oracle.newestDigest()), "\"");
        string memory staking = _plan.readBool(".has_staking") ? _line("staking", _staking()) : "";
        string memory markets = _markets();
        _file = string.concat(_file, markets, _line("model_registry", registry));
        if (_plan.readBool(".has_reward_pot")) _file = string.concat(_file, _line("reward_pot", _pot()));
        address dispute = _dispute(oracle);
        vm.stopBroadcast();
        _file = string.concat(_file, _line("risk_oracle", address(oracle)), _line("score_dispute", dispute), tables);
        vm.writeFile(addressesPath, string.concat(_file, staking, "\n}\n"));
    }

    function _oracle() private returns (RiskOracle oracle) {
        IScoreOracle.Genesis memory genesis = abi.decode(_arguments("risk_oracle"), (IScoreOracle.Genesis));
        oracle = RiskOracle(_create("risk_oracle", bytes.concat(type(RiskOracle).creationCode, abi.encode(genesis))));
        bytes32 planned = _plan.readBytes32(".config_digest");
        if (oracle.newestDigest() != planned) revert WrongDigest(oracle.newestDigest(), planned);
    }

    function _registry() private returns (address) {
        (address committee, address curator, uint256 window) =
            abi.decode(_arguments("model_registry"), (address, address, uint256));
        bytes memory given = abi.encode(committee, curator, window);
        return _create("model_registry", bytes.concat(type(ModelRegistry).creationCode, given));
    }

    function _staking() private returns (address) {
        IStaking.StakingConfig memory config = abi.decode(_arguments("staking"), (IStaking.StakingConfig));
        return _create("staking", bytes.concat(type(Staking).creationCode, abi.encode(config)));
    }

    function _pot() private returns (address) {
        (IScoreOracle oracle, IERC20 token, uint256 reward) =
            abi.decode(_arguments("reward_pot"), (IScoreOracle, IERC20, uint256));
        return _create("reward_pot", bytes.concat(type(RewardPot).creationCode, abi.encode(oracle, token, reward)));
    }

    /// @dev The oracle is told by its owner alone, once.
    function _dispute(RiskOracle oracle) private returns (address dispute) {
        (IScoreOracle reader, IModelRegistry registry, IStaking staking, uint256 demandSeconds, uint256 gasPriceWei) =
            abi.decode(_arguments("score_dispute"), (IScoreOracle, IModelRegistry, IStaking, uint256, uint256));
        bytes memory given = abi.encode(reader, registry, staking, demandSeconds, gasPriceWei);
        dispute = _create("score_dispute", bytes.concat(type(ScoreDispute).creationCode, given));
        address named = oracle.dispute();
        if (named != address(0) && named != dispute) revert OtherDispute(named, dispute);
        if (named == address(0) && oracle.owner() == msg.sender) oracle.setDispute(dispute);
    }

    /// @dev Keys are in order: tables, gates, markets. A gate may lean on stake, which stands by then.
    function _markets() private returns (string memory lines) {
        string[] memory names = _plan.readStringArray(".markets");
        if (names.length == 0) return "";
        bytes memory tables = _plan.readBytes(".borrower_tables");
        bytes memory data = abi.encodePacked(hex"61", uint16(tables.length + 1), hex"80600a3d393df300", tables);
        lines = _line("borrower_tables", _create("borrower_tables", data));
        string memory markets = "";
        for (uint256 i = 0; i < names.length; ++i) {
            (string memory gate, string memory market) =
                (string.concat("gate_", names[i]), string.concat("market_", names[i]));
            bytes memory given = abi.encode(abi.decode(_arguments(gate), (IRiskGate.GateConfig)));
            lines = string.concat(lines, _line(gate, _create(gate, bytes.concat(type(RiskGate).creationCode, given))));
            (ILendingMarket.MarketConfig memory config, ILendingMarket.ScoreConfig memory scores) =
                abi.decode(_arguments(market), (ILendingMarket.MarketConfig, ILendingMarket.ScoreConfig));
            given = bytes.concat(type(LendingMarket).creationCode, abi.encode(config, scores));
            markets = string.concat(markets, _line(market, _create(market, given)));
        }
        return string.concat(lines, markets);
    }

    function _create(string memory name, bytes memory creation) private returns (address at) {
        at = vm.computeCreate2Address(_salt, keccak256(creation), CREATE2_FACTORY);
        if (at.code.length != 0) return at;
        (bool isMade,) = CREATE2_FACTORY.call(bytes.concat(_salt, creation));
        if (!isMade || at.code.length == 0) revert NotCreated(name, at);
    }

    function _arguments(string memory key) private view returns (bytes memory) {
        return _plan.readBytes(string.concat(".arguments.", key));
    }

    function _line(string memory key, address value) private pure returns (string memory) {
        return string.concat(",\n  \"", key, "\": \"", vm.toString(value), "\"");
    }
}
