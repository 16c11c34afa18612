// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { ScoreMath } from "./libraries/ScoreMath.sol";

/// @title Scores that can be read without a proof
/// @notice Two records a subject, one word each: the latest, and the last of a final report. A record that has become final
///         moves over when it is replaced, or is read in place; who needs a final one sooner posts it from a final report.
abstract contract ScoreStore is IScoreOracle {
    enum Kept {
        Latest,
        Finalised
    }

    mapping(bytes32 subject => PostedBorrower)[2] private _borrowers;
    mapping(bytes32 subject => PostedCollateral)[2] private _collaterals;

    /// @inheritdoc IScoreOracle
    function borrowerScore(bytes32 subject) external view returns (PostedBorrower memory) {
        return _borrower(Kept.Latest, subject);
    }

    /// @inheritdoc IScoreOracle
    function collateralScore(bytes32 subject) external view returns (PostedCollateral memory) {
        return _collateral(Kept.Latest, subject);
    }

    /// @inheritdoc IScoreOracle
    function finalisedBorrowerScore(bytes32 subject) external view returns (PostedBorrower memory stored) {
        stored = _borrower(Kept.Finalised, subject);
        PostedBorrower memory newest = _borrower(Kept.Latest, subject);
        if (isFinalised(newest.epoch) && _isReplaced(stored, newest)) return newest;
    }

    /// @inheritdoc IScoreOracle
    function finalisedCollateralScore(bytes32 subject) external view returns (PostedCollateral memory stored) {
        stored = _collateral(Kept.Finalised, subject);
        PostedCollateral memory newest = _collateral(Kept.Latest, subject);
        if (isFinalised(newest.epoch) && newest.epoch > stored.epoch) return _merged(stored, newest);
    }

    /// @inheritdoc IScoreOracle
    function isExpired(uint64 epoch) public view virtual returns (bool);

    /// @inheritdoc IScoreOracle
    function isFinalised(uint64 epoch) public view virtual returns (bool);

    /// @inheritdoc IScoreOracle
    function isEpochVoided(uint64 epoch) public view virtual returns (bool);

    function _storeBorrower(PostedBorrower memory posted, bytes32 subject, bool isUsable_, bool isFinal) internal {
        if (isFinal) _putBorrower(Kept.Finalised, subject, posted);
        if (!isUsable_) return;
        PostedBorrower memory stored = _borrower(Kept.Latest, subject);
        if (!_putBorrower(Kept.Latest, subject, posted)) return;
        if (isFinalised(stored.epoch)) _putBorrower(Kept.Finalised, subject, stored);
        emit BorrowerPosted(subject, posted.epoch, posted);
    }

    function _storeCollateral(PostedCollateral memory posted, bytes32 subject, bool isUsable_, bool isFinal) internal {
        if (isFinal) _putCollateral(Kept.Finalised, subject, posted);
        if (!isUsable_) return;
        PostedCollateral memory stored = _collateral(Kept.Latest, subject);
        if (!_putCollateral(Kept.Latest, subject, posted)) return;
        if (isFinalised(stored.epoch)) _putCollateral(Kept.Finalised, subject, stored);
        emit CollateralPosted(subject, posted.epoch, _collateral(Kept.Latest, subject));
    }

    /// @dev A borrower's record of `epoch` goes; a pair keeps its threshold but counts as unrated, which opens no loan, and frees no
    ///      collateral under a debt.
    function _withdraw(uint64 epoch, bytes32 subject) internal {
        for (uint256 kept = 0; kept < 2; ++kept) {
            if (_borrowers[kept][subject].epoch == epoch) delete _borrowers[kept][subject];
            PostedCollateral storage stored = _collaterals[kept][subject];
            if (stored.epoch == epoch) (stored.binding, stored.ltvFloorBps) = (ScoreMath.BINDING_UNRATED, 0);
        }
    }

    /// @custom:invariant O-02 A stored borrower score is replaced only by a riskier one that is no older, or after it expired or
    ///                         was voided. Unrated is riskier than any margin.
    function _putBorrower(Kept kept, bytes32 subject, PostedBorrower memory posted) private returns (bool isPut) {
        isPut = _isReplaced(_borrower(kept, subject), posted);
        if (isPut) _borrowers[uint256(kept)][subject] = posted;
    }

    /// @custom:invariant O-03 A stored collateral score is replaced only by a newer epoch; an unrated one leaves the last rated
    ///                         threshold in place, and the floor unless its report was voided.
    function _putCollateral(Kept kept, bytes32 subject, PostedCollateral memory posted) private returns (bool isPut) {
        PostedCollateral memory stored = _collateral(kept, subject);
        isPut = posted.epoch > stored.epoch;
        if (isPut) _collaterals[uint256(kept)][subject] = _merged(stored, posted);
    }

    function _borrower(Kept kept, bytes32 subject) private view returns (PostedBorrower memory) {
        return _borrowers[uint256(kept)][subject];
    }

    function _collateral(Kept kept, bytes32 subject) private view returns (PostedCollateral memory) {
        return _collaterals[uint256(kept)][subject];
    }

    function _isReplaced(PostedBorrower memory stored, PostedBorrower memory posted) private view returns (bool) {
        if (isExpired(stored.epoch)) return true;
        if (posted.epoch < stored.epoch || stored.grade == 0) return false;
        return posted.grade == 0 || posted.behaviourMargin > stored.behaviourMargin;
    }

    /// @dev What is stored when `posted` lands on `stored`; the last rated fields stay in each record on their own.
    function _merged(PostedCollateral memory stored, PostedCollateral memory posted)
        private
        view
        returns (PostedCollateral memory)
    {
        if (posted.binding != ScoreMath.BINDING_UNRATED) return posted;
        // With the new epoch nobody could tell any more that the floor was a voided one.
        if (isEpochVoided(stored.epoch)) stored.ltvFloorBps = 0;
        stored.epoch = posted.epoch;
        stored.binding = posted.binding;
        return stored;
    }
}
