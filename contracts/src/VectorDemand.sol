// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreDispute } from "./interfaces/IScoreDispute.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { IVectorDemand } from "./interfaces/IVectorDemand.sol";
import { LeafLib } from "./libraries/LeafLib.sol";

/// @title Demands of hidden vectors
/// @notice One word for each demand, and a claim for each bond.
abstract contract VectorDemand is IVectorDemand {
    /// @dev What `showVector` costs at most, whole transaction, with a vector of 32 slots.
    uint256 internal constant ANSWER_GAS = 100_000;
    uint256 private constant _MAX_GAS_PRICE_WEI = 1e15;
    uint256 internal constant _WORD = 32;

    /// @inheritdoc IVectorDemand
    uint256 public immutable demandBondWei;
    /// @inheritdoc IVectorDemand
    uint256 public immutable demandSeconds;
    IScoreOracle private immutable _oracle;

    mapping(uint64 epoch => mapping(bytes32 leaf => Demand)) private _demands;
    /// @inheritdoc IVectorDemand
    mapping(address account => uint256) public owedWei;

    constructor(IScoreOracle oracle_, uint256 demandSeconds_, uint256 gasPriceWei) {
        uint256 validitySeconds = oracle_.validitySeconds();
        if (demandSeconds_ >= validitySeconds) {
            revert InvalidDemand("demandSeconds", demandSeconds_, validitySeconds - 1);
        }
        if (gasPriceWei == 0 || gasPriceWei > _MAX_GAS_PRICE_WEI) {
            revert InvalidDemand("gasPriceWei", gasPriceWei, _MAX_GAS_PRICE_WEI);
        }
        _oracle = oracle_;
        demandSeconds = demandSeconds_;
        demandBondWei = 2 * ANSWER_GAS * gasPriceWei;
    }

    // --- writes -------------------------------------------------------------------------------

    /// @inheritdoc IVectorDemand
    function demandVector(uint64 epoch, bytes calldata entry, bytes32[] calldata proof) external payable {
        if (demandSeconds == 0) revert NoDemands();
        if (msg.value != demandBondWei) revert WrongBond(msg.value, demandBondWei);
        bytes32 leaf = _leafOf(entry);
        if (!_oracle.verify(epoch, leaf, proof)) revert UnusableLeaf(epoch, leaf);
        Demand storage demand = _demands[epoch][leaf];
        if (demand.standing != Standing.None) revert AlreadyDemanded(epoch, leaf, demand.standing);
        // Cast is safe: block time and window are below 2^40.
        uint40 answerBy = uint40(block.timestamp + demandSeconds);
        _demands[epoch][leaf] = Demand(msg.sender, answerBy, Standing.Open);
        emit VectorDemanded(epoch, leaf, msg.sender, answerBy);
    }

    /// @inheritdoc IVectorDemand
    function showVector(uint64 epoch, bytes calldata entry, bytes calldata vector) external {
        bytes32 leaf = _leafOf(entry);
        Demand storage demand = _requireOpen(epoch, leaf);
        if (block.timestamp > demand.answerBy) revert LateAnswer(block.timestamp, demand.answerBy);
        bytes32 featuresHash = bytes32(entry[entry.length - _WORD:]);
        if (keccak256(vector) != featuresHash) revert IScoreDispute.WrongVector(keccak256(vector), featuresHash);
        demand.standing = Standing.Answered;
        owedWei[msg.sender] += demandBondWei;
        emit VectorShown(epoch, leaf, msg.sender, vector);
    }

    /// @inheritdoc IVectorDemand
    /// @custom:invariant D-05 A leaf is voided only after its vector was demanded and nobody showed it in time.
    function voidHidden(uint64 epoch, bytes calldata entry) external {
        bytes32 leaf = _leafOf(entry);
        Demand storage demand = _requireOpen(epoch, leaf);
        if (block.timestamp <= demand.answerBy) revert EarlyVoid(block.timestamp, demand.answerBy);
        demand.standing = Standing.Unanswered;
        owedWei[demand.demander] += demandBondWei;
        emit VectorHidden(epoch, leaf, demand.demander);
        _oracle.voidLeaf(epoch, entry);
    }

    /// @inheritdoc IVectorDemand
    /// @custom:invariant D-04 A bond is paid once: to whoever showed the vector, or back to the demander if nobody did.
    function collect() external returns (uint256 amount) {
        amount = owedWei[msg.sender];
        if (amount == 0) revert NothingOwed(msg.sender);
        owedWei[msg.sender] = 0;
        emit Collected(msg.sender, amount);
        (bool done,) = msg.sender.call{ value: amount }("");
        if (!done) revert PaymentRefused(msg.sender, amount);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc IVectorDemand
    function demandOf(uint64 epoch, bytes32 leaf) external view returns (Demand memory) {
        return _demands[epoch][leaf];
    }

    // --- internal -----------------------------------------------------------------------------

    /// @dev An inner node of the tree is no entry: only the two lengths are leaves.
    function _leafOf(bytes calldata entry) internal pure returns (bytes32) {
        if (entry.length != LeafLib.BORROWER_BYTES && entry.length != LeafLib.COLLATERAL_BYTES) {
            revert IScoreDispute.EntryLength(entry.length);
        }
        return LeafLib.hashEntry(entry);
    }

    function _requireOpen(uint64 epoch, bytes32 leaf) private view returns (Demand storage demand) {
        demand = _demands[epoch][leaf];
        if (demand.standing != Standing.Open) revert NotOpen(epoch, leaf, demand.standing);
    }
}
