// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { RedstoneConsumerNumericBase } from
    "@redstone-finance/evm-connector/contracts/core/RedstoneConsumerNumericBase.sol";

/// @notice Keeps one value, once as RedStone's calldata proves it and once as it is told, so that the difference is the pull.
contract RedstonePull is RedstoneConsumerNumericBase {
    address private immutable _first;
    address private immutable _second;
    address private immutable _third;
    address private immutable _fourth;
    address private immutable _fifth;
    uint8 private immutable _threshold;
    uint256 public value;

    constructor(address[5] memory signers, uint8 threshold) {
        (_first, _second, _third, _fourth, _fifth) = (signers[0], signers[1], signers[2], signers[3], signers[4]);
        _threshold = threshold;
    }

    function pull(bytes32 feed) external {
        value = getOracleNumericValueFromTxMsg(feed);
    }

    function told(uint256 value_) external {
        value = value_;
    }

    function getUniqueSignersThreshold() public view override returns (uint8) {
        return _threshold;
    }

    function getAuthorisedSignerIndex(address signer) public view override returns (uint8) {
        if (signer == _first) return 0;
        if (signer == _second) return 1;
        if (signer == _third) return 2;
        if (signer == _fourth) return 3;
        if (signer == _fifth) return 4;
        revert SignerNotAuthorised(signer);
    }
}
