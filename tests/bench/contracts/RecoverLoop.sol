// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @notice The plainest way to check f + 1 of n: recover each, look it up, ascending addresses. No configuration, times or event.
contract RecoverLoop {
    uint256 public immutable quorum;
    mapping(address => bool) public isSigner;
    uint256 public head;
    bytes32[16] public ring;

    constructor(address[] memory signers, uint256 quorum_) {
        quorum = quorum_;
        for (uint256 i = 0; i < signers.length; ++i) {
            isSigner[signers[i]] = true;
        }
    }

    function publish(uint64 epoch, bytes32 root, bytes calldata signatures) external {
        require(signatures.length == 65 * quorum, "quorum");
        bytes32 hash = keccak256(abi.encode(block.chainid, address(this), epoch, root));
        address previous;
        for (uint256 i = 0; i < signatures.length; i += 65) {
            bytes calldata one = signatures[i:i + 65];
            address signer = ecrecover(hash, uint8(one[64]), bytes32(one[:32]), bytes32(one[32:64]));
            require(signer > previous && isSigner[signer], "signer");
            previous = signer;
        }
        require(epoch > uint64(head), "stale");
        head = epoch | block.timestamp << 64;
        ring[epoch % 16] = root;
    }
}
