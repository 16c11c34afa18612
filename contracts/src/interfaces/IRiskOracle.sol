// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Risk parameters as updates by type and market, as stewards of lending protocols read them
/// @dev The reading half of the ABI of Chaos Labs' RiskOracle with markets as addresses. The writing half does not exist here.
interface IRiskOracle {
    /// @param timestamp When the value was true, in seconds.
    /// @param newValue ABI encoding of the value.
    /// @param referenceId Where it comes from, in words.
    /// @param previousValue ABI encoding of the value before; empty if there was none.
    /// @param updateType What the value is of.
    /// @param updateId Rises by one with each update, from 1.
    /// @param market Whose value it is.
    /// @param additionalData What else a reader may want.
    struct RiskParameterUpdate {
        uint256 timestamp;
        bytes newValue;
        string referenceId;
        bytes previousValue;
        string updateType;
        uint256 updateId;
        address market;
        bytes additionalData;
    }

    /// @notice A parameter was updated.
    event ParameterUpdated(
        string referenceId,
        bytes newValue,
        bytes previousValue,
        uint256 timestamp,
        string indexed updateType,
        uint256 indexed updateId,
        address indexed market,
        bytes additionalData
    );

    /// @notice Number of updates, which is the id of the newest.
    function updateCounter() external view returns (uint256);

    /// @notice Types that exist.
    function getAllUpdateTypes() external view returns (string[] memory);

    /// @notice The newest update of a type and market.
    function getLatestUpdateByParameterAndMarket(string memory updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory);

    /// @notice An update by its id.
    function getUpdateById(uint256 updateId) external view returns (RiskParameterUpdate memory);
}
