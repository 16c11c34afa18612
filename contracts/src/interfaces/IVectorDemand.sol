// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Show the vector, or the leaf is void
/// @notice A leaf holds the hash of its features, so whoever wants it disputed needs the vector. Whoever cannot get it from a node
///         demands it here; whoever shows it is paid the bond, and then it is public. If nobody does in time, the leaf is void.
/// @dev Switched off by a window of 0, as long as no node answers: a demand that nobody answers costs its demander nothing.
///      The bond is twice what the answer costs at `gasPriceWei`, so that a node which answers a nuisance gains by it. It is paid
///      in the chain's coin, and collected, not sent: a demander that refuses payment cannot keep a leaf from being voided.
interface IVectorDemand {
    // --- types --------------------------------------------------------------------------------

    /// @notice How far a demand has come.
    enum Standing {
        None,
        Open,
        Answered,
        Unanswered
    }

    /// @notice A demand for the vector of a leaf.
    /// @param demander Who paid the bond.
    /// @param answerBy Last second at which an answer is taken.
    struct Demand {
        address demander;
        uint40 answerBy;
        Standing standing;
    }

    // --- errors -------------------------------------------------------------------------------

    /// @notice Thrown when the window or the gas price is outside its limits.
    error InvalidDemand(string name, uint256 given, uint256 limit);

    /// @notice Thrown when demands are switched off here, by a window of 0.
    error NoDemands();

    /// @notice Thrown when a demand comes with another bond.
    error WrongBond(uint256 given, uint256 required);

    /// @notice Thrown when a leaf proves nothing anyway: it is in no usable report, or void.
    error UnusableLeaf(uint64 epoch, bytes32 leaf);

    /// @notice Thrown when the vector of a leaf was demanded before.
    error AlreadyDemanded(uint64 epoch, bytes32 leaf, Standing standing);

    /// @notice Thrown when no demand of a leaf is open.
    error NotOpen(uint64 epoch, bytes32 leaf, Standing standing);

    /// @notice Thrown when a vector is shown after the window.
    error LateAnswer(uint256 blockTimestamp, uint256 answerBy);

    /// @notice Thrown when a leaf is to be voided inside the window.
    error EarlyVoid(uint256 blockTimestamp, uint256 answerBy);

    /// @notice Thrown when an account collects and is owed nothing.
    error NothingOwed(address account);

    /// @notice Thrown when an account does not take what it is owed.
    error PaymentRefused(address account, uint256 amount);

    // --- events -------------------------------------------------------------------------------

    /// @notice A vector was demanded.
    event VectorDemanded(uint64 indexed epoch, bytes32 indexed leaf, address indexed demander, uint256 answerBy);

    /// @notice A vector was shown; it is in the transaction and here.
    event VectorShown(uint64 indexed epoch, bytes32 indexed leaf, address indexed answerer, bytes vector);

    /// @notice A vector was not shown in time: its leaf is void.
    event VectorHidden(uint64 indexed epoch, bytes32 indexed leaf, address indexed demander);

    /// @notice An account took the bonds that it was owed.
    event Collected(address indexed account, uint256 amount);

    // --- writes -------------------------------------------------------------------------------

    /// @notice Demands the vector of a leaf that may be presented now; once for each leaf of an epoch.
    /// @param entry ABI encoding of a `BorrowerScore` or `CollateralScore`.
    /// @param proof Siblings from its leaf to the root of the report of `epoch`.
    function demandVector(uint64 epoch, bytes calldata entry, bytes32[] calldata proof) external payable;

    /// @notice Shows the vector of a demanded leaf. Anyone may, and is owed the bond.
    function showVector(uint64 epoch, bytes calldata entry, bytes calldata vector) external;

    /// @notice Voids a leaf of which the vector was not shown in time. The demander is owed the bond again. Anyone may call.
    function voidHidden(uint64 epoch, bytes calldata entry) external;

    /// @notice Pays the caller the bonds that it is owed.
    function collect() external returns (uint256 amount);

    // --- views --------------------------------------------------------------------------------

    /// @notice What a demand costs unless nobody answers it, in wei.
    function demandBondWei() external view returns (uint256);

    /// @notice How long there is to answer; 0 where demands are switched off.
    function demandSeconds() external view returns (uint256);

    /// @notice What became of a demand.
    function demandOf(uint64 epoch, bytes32 leaf) external view returns (Demand memory);

    /// @notice What an account may collect, in wei.
    function owedWei(address account) external view returns (uint256);
}
