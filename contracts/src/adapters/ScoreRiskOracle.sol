// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Strings } from "@openzeppelin/contracts/utils/Strings.sol";

import { IRiskOracle } from "../interfaces/IRiskOracle.sol";
import { IScoreOracle } from "../interfaces/IScoreOracle.sol";
import { ScoreMath } from "../libraries/ScoreMath.sol";

/// @title LTV and liquidation threshold of pairs, as a Chaos Labs RiskOracle
/// @notice `record` makes an update where a final score says something new; nobody else can. An update is read only while its score
///         is inside its validity and not voided, so that a steward cannot act on an old one, whatever it checks itself.
/// @dev A steward that executes an update still needs bounds and a pace of its own, as it does with any such oracle.
contract ScoreRiskOracle is IRiskOracle {
    /// @dev One word. An epoch fits 40 bits for as long as an epoch lasts a second.
    struct Entry {
        uint40 epoch;
        uint8 kind;
        uint16 value;
        uint16 previous;
        bool hasPrevious;
        address market;
    }

    /// @notice Thrown when markets and pairs are not one each, or one is zero or named twice.
    error InvalidMarkets(uint256 markets, uint256 pairs);

    /// @notice Thrown when a market is none of this contract's.
    error UnknownMarket(address market);

    /// @notice Thrown when a type is none of `getAllUpdateTypes`.
    error UnknownType(string updateType);

    /// @notice Thrown when there is no update of this id; 0 if there is none yet of a type and market.
    error UnknownUpdate(uint256 given, uint256 newest);

    /// @notice Thrown when no score of the pair is final, or the one behind an update is past its validity or voided.
    error ExpiredScore(uint64 epoch, uint256 blockTimestamp);

    /// @notice Thrown when the pair's newest final score is unrated.
    error UnratedScore(uint64 epoch, bytes32 pair);

    /// @notice Thrown while the newest report is voided.
    error OnHold(uint64 epoch);

    uint256 private constant _KINDS = 2;

    /// @notice Where scores are read; final ones alone.
    IScoreOracle public immutable scores;
    /// @inheritdoc IRiskOracle
    uint256 public updateCounter;
    /// @notice Subject of a market's pair (`LeafLib.collateralSubject`); zero for a market that is not served.
    mapping(address market => bytes32) public pairOf;

    mapping(uint256 updateId => Entry) private _entries;
    mapping(address market => uint256[_KINDS]) private _latest;

    constructor(IScoreOracle scores_, address[] memory markets, bytes32[] memory pairs) {
        scores = scores_;
        if (markets.length != pairs.length) revert InvalidMarkets(markets.length, pairs.length);
        for (uint256 i = 0; i < markets.length; ++i) {
            if (markets[i] == address(0) || pairs[i] == 0 || pairOf[markets[i]] != 0) {
                revert InvalidMarkets(markets.length, pairs.length);
            }
            pairOf[markets[i]] = pairs[i];
        }
    }

    /// @notice Makes an update of each figure of a market that changed, or whose last update ran out. Anyone may call.
    function record(address market) external {
        bytes32 pair = _pairOf(market);
        if (scores.isOnHold()) revert OnHold(scores.head().epoch);
        IScoreOracle.PostedCollateral memory score = scores.finalisedCollateralScore(pair);
        if (scores.isExpired(score.epoch)) revert ExpiredScore(score.epoch, block.timestamp);
        if (score.binding == ScoreMath.BINDING_UNRATED) revert UnratedScore(score.epoch, pair);
        uint16[_KINDS] memory values = [score.ltvCeilingBps, score.liquidationThresholdBps];
        for (uint8 kind = 0; kind < _KINDS; ++kind) {
            uint256 last = _latest[market][kind];
            Entry memory before = _entries[last];
            if (last == 0 || before.value != values[kind] || scores.isExpired(before.epoch)) {
                _add(Entry(uint40(score.epoch), kind, values[kind], before.value, last != 0, market));
            }
        }
    }

    /// @inheritdoc IRiskOracle
    function getAllUpdateTypes() external pure returns (string[] memory types) {
        types = new string[](_KINDS);
        for (uint256 kind = 0; kind < _KINDS; ++kind) {
            types[kind] = _nameOf(kind);
        }
    }

    /// @inheritdoc IRiskOracle
    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory)
    {
        _pairOf(market);
        return getUpdateById(_latest[market][_kindOf(updateType)]);
    }

    /// @inheritdoc IRiskOracle
    function getUpdateById(uint256 updateId) public view returns (RiskParameterUpdate memory) {
        if (updateId == 0 || updateId > updateCounter) revert UnknownUpdate(updateId, updateCounter);
        Entry memory entry = _entries[updateId];
        if (scores.isExpired(entry.epoch)) revert ExpiredScore(entry.epoch, block.timestamp);
        return _updateOf(updateId, entry);
    }

    function _add(Entry memory entry) private {
        uint256 id = ++updateCounter;
        _entries[id] = entry;
        _latest[entry.market][entry.kind] = id;
        RiskParameterUpdate memory update = _updateOf(id, entry);
        emit ParameterUpdated(
            update.referenceId,
            update.newValue,
            update.previousValue,
            update.timestamp,
            update.updateType,
            id,
            entry.market,
            update.additionalData
        );
    }

    function _updateOf(uint256 id, Entry memory entry) private view returns (RiskParameterUpdate memory update) {
        update.timestamp = uint256(entry.epoch) * scores.epochSeconds();
        update.newValue = abi.encode(uint256(entry.value));
        update.referenceId = string.concat("Assay epoch ", Strings.toString(entry.epoch));
        if (entry.hasPrevious) update.previousValue = abi.encode(uint256(entry.previous));
        update.updateType = _nameOf(entry.kind);
        update.updateId = id;
        update.market = entry.market;
        update.additionalData = abi.encode(pairOf[entry.market], uint256(entry.epoch));
    }

    function _pairOf(address market) private view returns (bytes32 pair) {
        pair = pairOf[market];
        if (pair == 0) revert UnknownMarket(market);
    }

    function _kindOf(string memory updateType) private pure returns (uint256 kind) {
        for (kind = 0; kind < _KINDS; ++kind) {
            if (Strings.equal(updateType, _nameOf(kind))) return kind;
        }
        revert UnknownType(updateType);
    }

    function _nameOf(uint256 kind) private pure returns (string memory) {
        return kind == 0 ? "LTV" : "liquidationThreshold";
    }
}
