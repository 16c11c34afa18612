// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Models as contract code, and their re-execution
/// @notice A model's id is the keccak of its `model.bin`. The registry runs those very bytes, kept as the code of data contracts
///         (`IScoreTables`), and hashes them itself when they are registered: nothing is repacked, so nobody vouches for a packing.
/// @dev A model goes Registered -> Tested (the bundle's 256 self-test vectors agree on this chain) -> Pinned (the committee's
///      configuration in force names it) -> Retired (a later one does not). A tested model that no configuration names runs in
///      shadow. Data contracts: `0x00 ‖ tables section`, the one that markets read too, and `0x00 ‖ part` for each part of the
///      support and trees sections, cut every 24,575 bytes.
interface IModelRegistry {
    // --- types --------------------------------------------------------------------------------

    /// @notice How far a model has come. Tested and Pinned ones run; a Retired one runs until `executableUntil`.
    enum State {
        Unknown,
        Registered,
        Tested,
        Pinned,
        Retired
    }

    /// @notice What makes a model unfit to run; the same list that refuses a bundle off chain.
    enum Defect {
        Features,
        Trees,
        Depth,
        Flags,
        StateOffset,
        Probability,
        UpperBound,
        Points,
        Grades,
        Gap,
        Drawdown,
        Share,
        VolatilitySlot,
        Support,
        NodeFeature,
        NodeThreshold,
        NodeDefault
    }

    /// @notice A model as registered.
    /// @param state How far it has come.
    /// @param kind 1 scores borrowers, 2 collaterals.
    /// @param features Slots of a vector.
    /// @param trees Number of trees.
    /// @param depth Depth of each tree.
    /// @param treesActive Whether the trees count in a borrower's score.
    /// @param sandboxOnly Whether it was trained on generated activity.
    /// @param executableUntil Last second at which a retired model runs; 0 unless retired.
    /// @param tables Data contract of the tables section.
    /// @param chunks Data contracts of support and trees.
    /// @param codeDigest keccak of the code hashes of tables and chunks, in that order.
    /// @param schemaDigest Feature schema that vectors follow.
    /// @param selfTestHash Self-test that this model has to pass; 0 until it is named.
    /// @param selfTestDone Cases passed so far.
    struct Model {
        State state;
        uint8 kind;
        uint8 features;
        uint16 trees;
        uint8 depth;
        bool treesActive;
        bool sandboxOnly;
        uint64 executableUntil;
        address tables;
        address[] chunks;
        bytes32 codeDigest;
        bytes32 schemaDigest;
        bytes32 selfTestHash;
        uint16 selfTestDone;
    }

    /// @notice A borrower's leaf without subject and reasons.
    struct BorrowerFields {
        int32 stateOffset;
        int32 behaviourMargin;
        uint32 pdPpm;
        uint32 pdUpperPpm;
        uint16 points;
        uint8 grade;
        bytes32 featuresHash;
    }

    /// @notice A collateral's leaf without the subject.
    struct CollateralFields {
        int32 margin;
        uint32 volatilityPpm;
        uint32 drawdownBps;
        uint32 gapPpm;
        uint16 ltvCeilingBps;
        uint16 ltvFloorBps;
        uint16 liquidationThresholdBps;
        uint8 binding;
        bytes32 featuresHash;
    }

    /// @notice One vector of a bundle's self-test and the leaf recorded for it, subject zero; reasons are not compared.
    struct SelfTestCase {
        bytes vector;
        bytes leaf;
    }

    /// @notice A committee configuration without its parameters, which come beside it.
    struct Config {
        bytes32 prevDigest;
        uint64 seq;
        address[] members;
        uint8 f;
        uint8 q;
        uint64 fromEpoch;
    }

    // --- errors: registering ------------------------------------------------------------------

    /// @notice Thrown when the header section has another length than 44 bytes.
    error HeaderLength(uint256 given, uint256 expected);

    /// @notice Thrown when a header opens with other bytes than "ASY1", or names another layout version.
    error UnknownFormat(bytes4 magic, bytes4 expectedMagic, uint256 layoutVersion, uint256 expectedVersion);

    /// @notice Thrown when support and trees come in another number of chunks than their size asks for.
    error ChunkCount(uint256 given, uint256 expected);

    /// @notice Thrown when a data contract is shorter or longer than its section; index 0 are the tables, then the chunks.
    error ChunkLength(uint256 index, uint256 given, uint256 expected);

    /// @notice Thrown when a data contract does not start with a zero byte, so that it could do something when called.
    error ChunkPrefix(uint256 index, bytes1 given, bytes1 expected);

    /// @notice Thrown when the bytes hash to a model that is not fit to run, at an element of the section named by `defect`.
    error DefectiveModel(Defect defect, uint256 index, uint256 value);

    /// @notice Thrown when a model is registered again while its code is in place.
    error AlreadyRegistered(bytes32 modelId);

    // --- errors: testing and pinning ----------------------------------------------------------

    /// @notice Thrown when someone else than the curator names a self-test.
    error NotCurator(address given, address curator);

    /// @notice Thrown when the curator names another self-test than the one that the committee named.
    error NamedByCommittee(bytes32 given, bytes32 selfTestHash);

    /// @notice Thrown when somebody votes whose cold key the committee in force does not have at that place.
    error NotMember(address given, address coldKey);

    /// @notice Thrown when a member votes again as it did.
    error RepeatedVote(uint8 memberId, bytes32 selfTestHash);

    /// @notice Thrown when an operation needs a model in another state.
    error WrongState(bytes32 modelId, State given, State expected);

    /// @notice Thrown when a model is tested before its self-test was named.
    error SelfTestUnnamed(bytes32 modelId);

    /// @notice Thrown when a batch is not the next piece of the self-test that was named.
    error SelfTestMismatch(bytes32 given, bytes32 expected);

    /// @notice Thrown when a self-test does not have 256 cases.
    error SelfTestLength(uint256 given, uint256 expected);

    /// @notice Thrown when this chain computes another leaf than the one recorded.
    error SelfTestFailed(uint256 index, bytes32 given, bytes32 expected);

    /// @notice Thrown when a configuration is not the one in force.
    error WrongDigest(bytes32 given, bytes32 expected);

    /// @notice Thrown when parameters are too short to name models.
    error ParamsLength(uint256 given, uint256 minimum);

    /// @notice Thrown when a configuration is pinned already.
    error AlreadyPinned(bytes32 configDigest);

    // --- errors: running ----------------------------------------------------------------------

    /// @notice Thrown when no such model is registered.
    error UnknownModel(bytes32 modelId);

    /// @notice Thrown when a model is not tested yet, or was retired and its evidence window is over.
    error NotExecutable(bytes32 modelId, State state, uint256 executableUntil);

    /// @notice Thrown when a model scores the other kind of subject.
    error WrongModelKind(uint8 given, uint8 expected);

    /// @notice Thrown when the code of a model's data contracts is not what it was at registration; `register` puts it right again.
    error CodeChanged(bytes32 given, bytes32 expected);

    /// @notice Thrown when a vector has another length than two bytes for each slot.
    error VectorLength(uint256 given, uint256 expected);

    /// @notice Thrown when a slot holds 65535, which no feature does.
    error SlotOutOfRange(uint256 slot, uint256 given, uint256 maximum);

    /// @notice Thrown when the registry is deployed without committee or evidence window.
    error InvalidRegistry(address committee, uint256 evidenceWindowSeconds, uint256 maxWindowSeconds);

    // --- events -------------------------------------------------------------------------------

    /// @notice A model was registered, or its vanished data contracts were replaced; its bytes hash to `modelId`.
    event ModelRegistered(bytes32 indexed modelId, uint8 kind, address tables, address[] chunks, bytes32 codeDigest);

    /// @notice The self-test that a model has to pass was named.
    event SelfTestNamed(bytes32 indexed modelId, bytes32 selfTestHash);

    /// @notice Further cases of a self-test passed; `done` so far.
    event SelfTestAdvanced(bytes32 indexed modelId, uint256 done);

    /// @notice A model passed its whole self-test.
    event ModelTested(bytes32 indexed modelId, bytes32 indexed selfTestHash);

    /// @notice A member of the committee in force votes for a self-test; `votes` are for it now, of `quorum`.
    event SelfTestVoted(
        bytes32 indexed modelId,
        bytes32 indexed selfTestHash,
        bytes32 indexed configDigest,
        uint8 memberId,
        uint256 votes,
        uint256 quorum
    );

    /// @notice A configuration was shown to name these models.
    event ConfigRecorded(bytes32 indexed configDigest, bytes32 borrowerModelId, bytes32 collateralModelId);

    /// @notice A model became Pinned.
    event ModelPinned(bytes32 indexed modelId, bytes32 indexed configDigest);

    /// @notice A model became Retired; it runs until `executableUntil`.
    event ModelRetired(bytes32 indexed modelId, uint256 executableUntil);

    // --- writes -------------------------------------------------------------------------------

    /// @notice Registers the model whose canonical bytes are `header`, then the tables, then the chunks. Anyone may.
    /// @dev Reads, hashes and inspects every byte: about 3 million gas for 200 trees of depth 5. Data contracts that are destroyed in
    ///      the transaction that makes them vanish after it (EIP-6780). Then the model does not run, and `register` takes the same
    ///      bytes again, from other data contracts: what was named, tested and pinned stays. Contracts of `IScoreTables` do not vanish.
    /// @param header First 44 bytes of `model.bin`.
    /// @param tables Data contract of the tables section.
    /// @param chunks Data contracts of the support and trees sections, all but the last 24,575 bytes long.
    /// @return modelId keccak of those bytes.
    /// @custom:invariant R-01 A model runs only the bytes that hash to its id; if they go, it does not run until they are put back.
    function register(bytes calldata header, address tables, address[] calldata chunks)
        external
        returns (bytes32 modelId);

    /// @notice Names the self-test of a model that is not tested yet. Only the curator may, who can do nothing else, and only until the
    ///         committee names one.
    /// @param selfTestHash Hash of its first case, each case hashed with the one after:
    ///        `h_i = keccak(abi(keccak(vector_i), keccak(leaf_i), h_(i+1)))`, `h_256 = 0`.
    function nameSelfTest(bytes32 modelId, bytes32 selfTestHash) external;

    /// @notice Votes as a member of the committee in force, from its cold key. A Byzantine quorum (n + f) / 2 + 1 of votes names the
    ///         self-test in the curator's stead, so that no curator can keep a model from being tested, and scores from being disputed.
    /// @dev A member has one vote for a model under a digest; voting for another self-test moves it.
    function voteSelfTest(bytes32 modelId, bytes32 selfTestHash, uint8 memberId) external;

    /// @notice Runs the next cases of a model's self-test. Anyone may; what passed stays passed.
    /// @param cases Cases in order, from the first not done.
    /// @param rest Hash of the case after the last one given; 0 after the 256th.
    /// @custom:invariant R-02 A model becomes Tested only when all 256 leaves came out as recorded, in order.
    function runSelfTest(bytes32 modelId, SelfTestCase[] calldata cases, bytes32 rest) external;

    /// @notice Records which models a configuration names, whether it is in force, was, or will be: its digest binds them. Anyone
    ///         may; whether a digest ever was a committee's, the committee's contract says. A repeat changes nothing.
    /// @param config The configuration.
    /// @param params ABI encoding of its parameters; their hash is part of the digest.
    /// @return configDigest Digest of the configuration.
    function record(Config calldata config, bytes calldata params) external returns (bytes32 configDigest);

    /// @notice Pins the models that the committee's configuration in force names, and retires those it no longer names. Anyone may.
    /// @param config The configuration whose digest is in force.
    /// @param params ABI encoding of its parameters; their hash is part of the digest.
    /// @custom:invariant R-03 Only tested models that the digest in force names become Pinned.
    function pin(Config calldata config, bytes calldata params) external;

    // --- views --------------------------------------------------------------------------------

    /// @notice Runs a borrower model.
    /// @param vector Two bytes for each slot, big-endian; 0 is missing.
    function scoreBorrower(bytes32 modelId, bytes calldata vector) external view returns (BorrowerFields memory);

    /// @notice Runs a collateral model.
    /// @param vector Two bytes for each slot, big-endian; 0 is missing.
    function scoreCollateral(bytes32 modelId, bytes calldata vector) external view returns (CollateralFields memory);

    /// @notice Sum of the leaves that a vector reaches, in units of 2^-12, also where trees do not count in the score.
    function treesMargin(bytes32 modelId, bytes calldata vector) external view returns (int256);

    /// @notice A model as registered; all zero if unknown.
    function model(bytes32 modelId) external view returns (Model memory);

    /// @notice Whether a model runs now.
    /// @custom:invariant R-04 A retired model runs until its evidence window ends, and not after.
    function isExecutable(bytes32 modelId) external view returns (bool);

    /// @notice Models that a recorded configuration names; zeros if it was never recorded.
    function modelsOf(bytes32 configDigest) external view returns (bytes32 borrowerModelId, bytes32 collateralModelId);

    /// @notice Contract whose configuration digest pins models.
    function committee() external view returns (address);

    /// @notice Account that names self-tests.
    function curator() external view returns (address);

    /// @notice How long a retired model still runs, in seconds, from when the digest before the one that retired it has expired.
    function evidenceWindowSeconds() external view returns (uint256);
}
