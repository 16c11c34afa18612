// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IScoreOracle } from "../interfaces/IScoreOracle.sol";
import { LeafLib } from "../libraries/LeafLib.sol";

/// @title Base of a contract that goes by scores
/// @notice It keeps the rules that are easy to forget: whose score it is, that it is in a usable report, and that a riskier or newer
///         one which somebody posted counts too. What a rating is worth is for the contract to say: let it only ever add to what
///         everybody gets, and never stand between anyone and repaying or leaving.
abstract contract ScoreConsumer {
    /// @notice Thrown when a score is another's than the caller's, in neither of the two forms of a subject.
    error NotYourScore(bytes32 given, bytes32 expected);

    /// @notice What may be granted on: grade 1 (best) to 10, and the upper bound of the probability of a liquidation in 30 days.
    ///         Grade 0 is unrated: grant what everybody gets.
    struct Rating {
        uint8 grade;
        uint32 pdUpperPpm;
    }

    /// @notice Where scores are read.
    IScoreOracle public immutable oracle;

    constructor(IScoreOracle oracle_) {
        oracle = oracle_;
    }

    /// @notice The riskier of a proved score and what is stored of the same borrower; unrated if a newer one is stored.
    /// @dev Reverts unless `score` is the borrower's and in the usable report of `epoch`; so it does while the newest report is voided.
    function _ratingOf(
        address borrower,
        uint64 epoch,
        IScoreOracle.BorrowerScore calldata score,
        bytes32[] calldata proof
    ) internal view returns (Rating memory rating) {
        bytes32 asAccount = LeafLib.borrowerSubject(borrower);
        bytes32 asContract = LeafLib.contractSubject(borrower);
        if (score.subject != asAccount && score.subject != asContract) revert NotYourScore(score.subject, asAccount);
        oracle.verifyBorrower(epoch, score, proof);
        rating = Rating(score.grade, score.pdUpperPpm);
        _weigh(rating, asAccount, epoch);
        _weigh(rating, asContract, epoch);
    }

    /// @notice A pair's posted score, and whether new loans may go by it. Its threshold is the last rated one in any case.
    function _pairOf(bytes32 pair) internal view returns (bool isLendable, IScoreOracle.PostedCollateral memory score) {
        score = oracle.collateralScore(pair);
        bool isRated = score.binding != LeafLib.BINDING_UNRATED && score.volatilityPpm != 0;
        isLendable = isRated && !oracle.isExpired(score.epoch) && !oracle.isOnHold();
    }

    function _weigh(Rating memory rating, bytes32 subject, uint64 epoch) private view {
        IScoreOracle.PostedBorrower memory stored = oracle.borrowerScore(subject);
        if (rating.grade == 0 || oracle.isExpired(stored.epoch)) return;
        if (stored.grade == 0 || stored.epoch > epoch) {
            (rating.grade, rating.pdUpperPpm) = (0, 1_000_000);
            return;
        }
        if (stored.grade > rating.grade) rating.grade = stored.grade;
        if (stored.pdUpperPpm > rating.pdUpperPpm) rating.pdUpperPpm = stored.pdUpperPpm;
    }
}
