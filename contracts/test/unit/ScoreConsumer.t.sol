// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ScoreConsumer } from "../../src/consumer/ScoreConsumer.sol";
import { IScoreOracle } from "../../src/interfaces/IScoreOracle.sol";
import { OracleFixture } from "../support/OracleFixture.sol";

contract Reader is ScoreConsumer {
    constructor(IScoreOracle oracle_) ScoreConsumer(oracle_) { }

    function ratingOf(address who, uint64 epoch, IScoreOracle.BorrowerScore calldata score, bytes32[] calldata proof)
        external
        view
        returns (uint8, uint32)
    {
        Rating memory rating = _ratingOf(who, epoch, score, proof);
        return (rating.grade, rating.pdUpperPpm);
    }

    function pairOf(bytes32 pair) external view returns (bool, IScoreOracle.PostedCollateral memory) {
        return _pairOf(pair);
    }
}

/// @dev What is expected are the three rules for a consumer in `contracts/README.md`.
contract ScoreConsumerTest is OracleFixture {
    bytes32 private constant PAIR = keccak256("pair");
    address private immutable borrower = makeAddr("borrower");
    Reader private reader;

    function setUp() public {
        deployOracle(4, 1, 2);
        vm.prank(OWNER);
        oracle.setDispute(address(this));
        reader = new Reader(oracle);
    }

    // --- borrowers ----------------------------------------------------------------------------

    function test_Rating_NothingStored_IsTheProvedScores() public {
        _publish(FIRST_EPOCH, _score(-100, 3, 15_000));

        _assertRating(FIRST_EPOCH, _score(-100, 3, 15_000), 3, 15_000);
    }

    function test_Rating_RiskierStored_CountsFieldByField() public {
        _publish(FIRST_EPOCH, _score(100, 2, 90_000));
        postEntries(FIRST_EPOCH);
        _publish(FIRST_EPOCH + 1, _score(-100, 3, 15_000));

        _assertRating(FIRST_EPOCH + 1, _score(-100, 3, 15_000), 3, 90_000);
    }

    function test_Rating_NewerStored_MakesAnOlderProofUnrated() public {
        _publish(FIRST_EPOCH, _score(-100, 1, 100));
        IScoreOracle.BorrowerScore memory older = _score(-100, 1, 100);
        bytes32[] memory proof = new bytes32[](0);
        _publish(FIRST_EPOCH + 1, _score(-90, 1, 100));
        postEntries(FIRST_EPOCH + 1);

        (uint8 grade, uint32 pdUpperPpm) = reader.ratingOf(borrower, FIRST_EPOCH, older, proof);
        assertEq(grade, 0);
        assertEq(pdUpperPpm, 1_000_000);
    }

    function test_Rating_StoredUnrated_IsUnrated() public {
        _publish(FIRST_EPOCH, _score(0, 0, 1_000_000));
        postEntries(FIRST_EPOCH);
        _publish(FIRST_EPOCH + 1, _score(-100, 1, 100));

        _assertRating(FIRST_EPOCH + 1, _score(-100, 1, 100), 0, 1_000_000);
    }

    function test_Rating_StoredExpired_CountsNoMore() public {
        _publish(FIRST_EPOCH, _score(100, 9, 90_000));
        postEntries(FIRST_EPOCH);
        _publish(FIRST_EPOCH + 4, _score(-100, 3, 15_000));

        _assertRating(FIRST_EPOCH + 4, _score(-100, 3, 15_000), 3, 15_000);
    }

    /// A contract's score carries the chain in its subject.
    function test_Rating_OfAContract_GoesByItsOtherSubject() public {
        IScoreOracle.BorrowerScore memory score = _score(-100, 4, 15_000);
        score.subject = keccak256(abi.encode(uint8(1), block.chainid, borrower));
        _publish(FIRST_EPOCH, score);

        _assertRating(FIRST_EPOCH, score, 4, 15_000);
    }

    function test_Rating_RevertWhen_ScoreIsAnothers() public {
        IScoreOracle.BorrowerScore memory score = _score(-100, 3, 15_000);
        _publish(FIRST_EPOCH, score);
        address other = makeAddr("other");

        vm.expectRevert(
            abi.encodeWithSelector(ScoreConsumer.NotYourScore.selector, asSubject(borrower), asSubject(other))
        );
        reader.ratingOf(other, FIRST_EPOCH, score, new bytes32[](0));
    }

    function test_Rating_RevertWhen_NotInTheReport() public {
        _publish(FIRST_EPOCH, _score(-100, 3, 15_000));
        IScoreOracle.BorrowerScore memory forged = _score(-100, 1, 15_000);

        vm.expectRevert(
            abi.encodeWithSelector(IScoreOracle.InvalidProof.selector, FIRST_EPOCH, leafOf(abi.encode(forged)))
        );
        reader.ratingOf(borrower, FIRST_EPOCH, forged, new bytes32[](0));
    }

    function test_Rating_RevertWhen_ReportWasVoided() public {
        IScoreOracle.BorrowerScore memory score = _score(-100, 3, 15_000);
        _publish(FIRST_EPOCH, score);
        oracle.voidReport(reportOf(FIRST_EPOCH, nodes()[0]));

        vm.expectRevert(abi.encodeWithSelector(IScoreOracle.UnusableEpoch.selector, FIRST_EPOCH, FIRST_EPOCH));
        reader.ratingOf(borrower, FIRST_EPOCH, score, new bytes32[](0));
    }

    // --- pairs --------------------------------------------------------------------------------

    function test_Pair_RatedAndFresh_IsLendable() public {
        _postPair(1, 620_000);

        (bool isLendable, IScoreOracle.PostedCollateral memory score) = reader.pairOf(PAIR);
        assertTrue(isLendable);
        assertEq(score.ltvCeilingBps, 7500);
    }

    function test_Pair_UnratedUnmovedExpiredOnHoldOrUnknown_IsNot() public {
        _assertNotLendable();
        _postPair(3, 620_000);
        _assertNotLendable();
        setUp();
        _postPair(1, 0);
        _assertNotLendable();
        setUp();
        _postPair(1, 620_000);
        vm.warp(uint256(FIRST_EPOCH) * EPOCH_S + VALIDITY_S + 1);
        _assertNotLendable();
        setUp();
        _postPair(1, 620_000);
        vm.warp(block.timestamp + EPOCH_S);
        publishRoot(FIRST_EPOCH + 1, keccak256("wrong"));
        oracle.voidReport(reportOf(FIRST_EPOCH + 1, keccak256("wrong")));
        _assertNotLendable();
    }

    function _assertNotLendable() private view {
        (bool isLendable,) = reader.pairOf(PAIR);
        assertFalse(isLendable);
    }

    function _postPair(uint8 binding, uint32 volatilityPpm) private {
        IScoreOracle.CollateralScore memory score = collateralOf(PAIR);
        (score.binding, score.volatilityPpm) = (binding, volatilityPpm);
        delete entries;
        entries.push(abi.encode(score));
        publishEntries(FIRST_EPOCH);
        postEntries(FIRST_EPOCH);
    }

    function _score(int32 margin, uint8 grade, uint32 pdUpperPpm)
        private
        view
        returns (IScoreOracle.BorrowerScore memory score)
    {
        score = borrowerOf(asSubject(borrower), margin, grade);
        score.pdUpperPpm = pdUpperPpm;
    }

    function _publish(uint64 epoch, IScoreOracle.BorrowerScore memory score) private {
        delete entries;
        entries.push(abi.encode(score));
        publishEntries(epoch);
    }

    function _assertRating(uint64 epoch, IScoreOracle.BorrowerScore memory score, uint8 grade, uint32 pdUpperPpm)
        private
        view
    {
        (uint8 gotGrade, uint32 gotPd) = reader.ratingOf(borrower, epoch, score, new bytes32[](0));
        assertEq(gotGrade, grade);
        assertEq(gotPd, pdUpperPpm);
    }
}
