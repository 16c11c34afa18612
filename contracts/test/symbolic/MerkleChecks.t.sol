// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { HeadLib, HeadWord } from "../../src/libraries/HeadLib.sol";
import { LeafLib } from "../../src/libraries/LeafLib.sol";

/// @notice Leaves and the head's word for every input at once. `ProofLib` writes where its operand says, which halmos cannot
///         follow; fuzzing compares it with OpenZeppelin's.
contract MerkleChecks {
    function leafOf(IScoreOracle.BorrowerScore calldata score) external pure returns (bytes32) {
        return LeafLib.hashBorrower(score);
    }

    function leafOf(IScoreOracle.CollateralScore calldata score) external pure returns (bytes32) {
        return LeafLib.hashCollateral(score);
    }

    /// O-04: the leaf of the calldata is the double hash of the ABI encoding.
    function check_O04_BorrowerLeaf_IsTheDoubleHash(IScoreOracle.BorrowerScore calldata score) external view {
        if (score.kind != LeafLib.BORROWER) return;
        assert(this.leafOf(score) == keccak256(bytes.concat(keccak256(abi.encode(score)))));
    }

    /// O-04: likewise of a collateral.
    function check_O04_CollateralLeaf_IsTheDoubleHash(IScoreOracle.CollateralScore calldata score) external view {
        if (score.kind != LeafLib.COLLATERAL) return;
        assert(this.leafOf(score) == keccak256(bytes.concat(keccak256(abi.encode(score)))));
    }

    /// O-07: a landing keeps its epoch, its time and its lateness, and that of each epoch that stays in the ring.
    function check_O07_Landing_IsKept(uint256 word, uint40 epoch, uint40 timestamp, uint8 lateness, uint8 age)
        external
        pure
    {
        HeadWord head = HeadWord.wrap(word);
        if (epoch <= head.epoch() || age >= HeadLib.RING || age > epoch) return;
        HeadWord next = head.landed(epoch, timestamp, lateness);
        assert(next.epoch() == epoch && next.landedAt() == timestamp && next.newestVoided() == head.newestVoided());
        uint256 older = epoch - age;
        assert(next.latenessOf(older) == (age == 0 ? lateness : head.latenessOf(older)));
    }
}
