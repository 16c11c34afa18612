// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { MerkleProof } from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import { HeadLib, HeadWord } from "../../src/libraries/HeadLib.sol";
import { ProofLib } from "../../src/libraries/ProofLib.sol";

/// @notice The head's word against a plain list, and proofs against OpenZeppelin's.
contract HeadLawsTest is Test {
    uint256[] private landedEpochs;
    mapping(uint256 epoch => uint256) private latenesses;

    /// A word that took any series of landings and voidings says what a list of them says.
    function testFuzz_Head_Series_IsWhatAListSays(uint8[12] memory gaps, uint8[12] memory late, uint40[12] memory voids)
        public
    {
        HeadWord head;
        uint256 epoch = 489_555;
        uint256 newestVoided;
        for (uint256 i = 0; i < gaps.length; ++i) {
            epoch += 1 + gaps[i] % 20;
            uint256 lateness = 1 + late[i] % 254;
            head = head.landed(epoch, epoch * 3600 + i, lateness);
            landedEpochs.push(epoch);
            latenesses[epoch] = lateness;
            if (voids[i] % 3 == 0) {
                head = head.voided(voids[i]);
                if (voids[i] > newestVoided) newestVoided = voids[i];
            }

            assertEq(head.epoch(), epoch);
            assertEq(head.landedAt(), epoch * 3600 + i);
            assertEq(head.newestVoided(), newestVoided);
            for (uint256 age = 0; age < 40; ++age) {
                assertEq(head.latenessOf(epoch - age), age < HeadLib.RING ? latenesses[epoch - age] : 0);
            }
            assertEq(head.latenessOf(epoch + 1), 0);
            uint256 previous = i == 0 ? 0 : landedEpochs[i - 1];
            assertEq(head.previousEpoch(), epoch - previous < HeadLib.RING ? previous : 0);
        }
    }

    function testFuzz_Head_Extremes_Fit(uint256 voided) public pure {
        HeadWord head = HeadWord.wrap(0).landed(type(uint40).max, type(uint40).max, 254).voided(voided);

        assertEq(head.epoch(), type(uint40).max);
        assertEq(head.landedAt(), type(uint40).max);
        assertEq(head.latenessOf(type(uint40).max), 254);
        assertEq(head.latenessOf(type(uint256).max), 0);
        assertEq(head.newestVoided(), voided < type(uint40).max ? voided : type(uint40).max);
        assertEq(head.previousEpoch(), 0);
    }

    /// The latest landing fits a byte, and what follows from the byte is never before it and less than a step after it.
    function testFuzz_Lateness_RoundsUpByLessThanAStep(uint40 validity, uint256 lateS) public pure {
        lateS = bound(lateS, 0, uint256(validity) + HeadLib.CLOCK_TOLERANCE_S);
        uint256 unitS = HeadLib.unitOf(validity);

        uint256 lateness = lateS / unitS + 1;

        assertLe(lateness, 254);
        assertGt(lateness * unitS, lateS);
        assertLe(lateness * unitS, lateS + unitS);
    }

    /// Quotes O-04: a proof is good exactly where OpenZeppelin's verifier says so.
    function testFuzz_O04_Proof_AgreesWithOpenZeppelin(bytes32[] memory proof, bytes32 leaf, uint256 at, bytes32 other)
        public
        view
    {
        bytes32 root = MerkleProof.processProof(proof, leaf);

        assertTrue(this.verify(proof, root, leaf));
        assertEq(this.verify(proof, other, leaf), other == root);
        assertEq(this.verify(proof, root, other), MerkleProof.verify(proof, root, other));
        if (proof.length == 0) return;
        proof[at % proof.length] = other;
        assertEq(this.verify(proof, root, leaf), MerkleProof.verify(proof, root, leaf));
    }

    function verify(bytes32[] calldata proof, bytes32 root, bytes32 leaf) external pure returns (bool) {
        return ProofLib.verify(proof, root, leaf);
    }
}
