// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ICommittee } from "./interfaces/ICommittee.sol";
import { IModelRegistry } from "./interfaces/IModelRegistry.sol";
import { IScoreOracle } from "./interfaces/IScoreOracle.sol";
import { ModelCode } from "./libraries/ModelCode.sol";
import { ScoreMath } from "./libraries/ScoreMath.sol";
import { TreeEnsemble } from "./libraries/TreeEnsemble.sol";

/// @title Models as contract code, and their re-execution
/// @notice The same bytes are hashed and run, so a score can be disputed without trusting whoever registered the model.
contract ModelRegistry is IModelRegistry {
    /// @dev One word, all that a run needs besides addresses and digest.
    struct Head {
        address tables;
        uint8 kind;
        uint8 features;
        uint16 trees;
        uint8 depth;
        uint8 flags;
        State state;
        uint40 executableUntil;
    }

    /// @dev At most two chunks: 32 slots and 200 trees of depth 5 are 37,760 bytes.
    struct Entry {
        Head head;
        address[2] chunks;
        bytes32 codeDigest;
        bytes32 schemaDigest;
        bytes32 selfTestHash;
        bytes32 selfTestNext;
        uint16 selfTestDone;
        bool isByCommittee;
    }

    /// @dev The two models of a configuration.
    struct Pair {
        bytes32 borrower;
        bytes32 collateral;
    }

    /// @dev A model in memory: addresses of its sections there, and what a run needs to know. No trees if they do not count.
    struct Loaded {
        address tables;
        uint256 kind;
        uint256 features;
        uint256 trees;
        uint256 depth;
        uint256 support;
        uint256 values;
    }

    uint256 private constant _SELF_TEST_CASES = 256;
    uint256 private constant _MAX_WINDOW_S = 1000 * 365 days;
    /// @dev Where a borrower's leaf keeps its reasons, which no chain computes.
    uint256 private constant _REASONS_AT = 256;
    /// @dev The head of encoded parameters; words 2 and 3 are the model ids.
    uint256 private constant _PARAMS_MIN_BYTES = 256;

    /// @inheritdoc IModelRegistry
    address public immutable committee;
    /// @inheritdoc IModelRegistry
    address public immutable curator;
    /// @inheritdoc IModelRegistry
    uint256 public immutable evidenceWindowSeconds;

    mapping(bytes32 modelId => Entry) private _entries;
    mapping(bytes32 configDigest => Pair) private _pairs;
    /// @dev What each member of a committee votes for.
    mapping(bytes32 configDigest => mapping(bytes32 modelId => bytes32[31])) private _votes;
    /// @dev Configuration whose models are pinned now.
    bytes32 private _pinnedDigest;

    /// @param committee_ Contract whose `configDigest()` is in force.
    /// @param curator_ Names the self-test of each model; the zero address leaves that to the committee.
    /// @param evidenceWindowSeconds_ How long a retired model still runs; below a thousand years.
    constructor(address committee_, address curator_, uint256 evidenceWindowSeconds_) {
        if (committee_ == address(0) || evidenceWindowSeconds_ == 0 || evidenceWindowSeconds_ > _MAX_WINDOW_S) {
            revert InvalidRegistry(committee_, evidenceWindowSeconds_, _MAX_WINDOW_S);
        }
        committee = committee_;
        curator = curator_;
        evidenceWindowSeconds = evidenceWindowSeconds_;
    }

    // --- registering --------------------------------------------------------------------------

    /// @inheritdoc IModelRegistry
    /// @custom:invariant R-01 A model runs only the bytes that hash to its id; if they go, it does not run until they are put back.
    function register(bytes calldata header, address tables, address[] calldata chunks)
        external
        returns (bytes32 modelId)
    {
        ModelCode.Header memory parsed = ModelCode.parse(header);
        (bytes memory bin, bytes32 codeDigest) = ModelCode.read(header, parsed, tables, chunks);
        modelId = keccak256(bin);
        Entry storage entry = _entries[modelId];
        if (entry.head.state == State.Unknown) {
            ModelCode.requireSound(bin, parsed);
            entry.head = Head({
                tables: tables,
                kind: parsed.kind,
                features: parsed.features,
                trees: parsed.trees,
                depth: parsed.depth,
                flags: parsed.flags,
                state: State.Registered,
                executableUntil: 0
            });
        } else {
            // Code that was destroyed in the transaction that made it is gone after it (EIP-6780). The same bytes, put elsewhere,
            // take its place and nothing else changes.
            bytes32 present = _codeDigest(entry.head.tables, entry.chunks[0], entry.chunks[1]);
            if (present == entry.codeDigest) revert AlreadyRegistered(modelId);
            entry.head.tables = tables;
        }
        for (uint256 i = 0; i < chunks.length; ++i) {
            entry.chunks[i] = chunks[i];
        }
        entry.codeDigest = codeDigest;
        entry.schemaDigest = parsed.schemaDigest;
        emit ModelRegistered(modelId, parsed.kind, tables, chunks, codeDigest);
    }

    // --- testing ------------------------------------------------------------------------------

    /// @inheritdoc IModelRegistry
    function nameSelfTest(bytes32 modelId, bytes32 selfTestHash) external {
        if (msg.sender != curator) revert NotCurator(msg.sender, curator);
        Entry storage entry = _requireRegistered(modelId);
        if (entry.isByCommittee) revert NamedByCommittee(selfTestHash, entry.selfTestHash);
        _name(entry, modelId, selfTestHash);
    }

    /// @inheritdoc IModelRegistry
    /// @custom:invariant R-07 What a Byzantine quorum of the committee in force votes for is the self-test, whatever the curator names.
    function voteSelfTest(bytes32 modelId, bytes32 selfTestHash, uint8 memberId) external {
        bytes32 digest = IScoreOracle(committee).configDigest();
        address coldKey = ICommittee(committee).coldKeyOf(digest, memberId);
        if (msg.sender != coldKey) revert NotMember(msg.sender, coldKey);
        Entry storage entry = _requireRegistered(modelId);
        bytes32[31] storage votes = _votes[digest][modelId];
        if (votes[memberId] == selfTestHash) revert RepeatedVote(memberId, selfTestHash);
        votes[memberId] = selfTestHash;
        ICommittee.Term memory term = ICommittee(committee).termOf(digest);
        uint256 quorum = (uint256(term.members) + term.f) / 2 + 1;
        uint256 count;
        for (uint256 i = 0; i < term.members; ++i) {
            if (votes[i] == selfTestHash) ++count;
        }
        emit SelfTestVoted(modelId, selfTestHash, digest, memberId, count, quorum);
        if (count < quorum || (entry.isByCommittee && entry.selfTestHash == selfTestHash)) return;
        entry.isByCommittee = true;
        _name(entry, modelId, selfTestHash);
    }

    /// @inheritdoc IModelRegistry
    /// @custom:invariant R-02 A model becomes Tested only when all 256 leaves came out as recorded, in order.
    function runSelfTest(bytes32 modelId, SelfTestCase[] calldata cases, bytes32 rest) external {
        Entry storage entry = _requireRegistered(modelId);
        if (entry.selfTestHash == 0) revert SelfTestUnnamed(modelId);
        bytes32 given = _hashCases(cases, rest);
        if (given != entry.selfTestNext) revert SelfTestMismatch(given, entry.selfTestNext);
        uint256 done = uint256(entry.selfTestDone) + cases.length;
        if (done > _SELF_TEST_CASES || (rest == 0 && done != _SELF_TEST_CASES)) {
            revert SelfTestLength(done, _SELF_TEST_CASES);
        }

        Head memory head = entry.head;
        _runCases(_load(entry, head, _areTreesActive(head)), cases, entry.selfTestDone);
        entry.selfTestNext = rest;
        // Safe: at most 256.
        entry.selfTestDone = uint16(done);
        emit SelfTestAdvanced(modelId, done);
        if (rest == 0) {
            entry.head.state = State.Tested;
            emit ModelTested(modelId, entry.selfTestHash);
        }
    }

    // --- pinning ------------------------------------------------------------------------------

    /// @inheritdoc IModelRegistry
    function record(Config calldata config, bytes calldata params) public returns (bytes32 digest) {
        if (params.length < _PARAMS_MIN_BYTES) revert ParamsLength(params.length, _PARAMS_MIN_BYTES);
        digest = keccak256(
            abi.encode(
                config.prevDigest, config.seq, config.members, config.f, config.q, keccak256(params), config.fromEpoch
            )
        );
        Pair storage pair = _pairs[digest];
        if (pair.borrower != 0 || pair.collateral != 0) return digest;
        pair.borrower = bytes32(params[64:96]);
        pair.collateral = bytes32(params[96:128]);
        emit ConfigRecorded(digest, pair.borrower, pair.collateral);
    }

    /// @inheritdoc IModelRegistry
    /// @custom:invariant R-03 Only tested models that the digest in force names become Pinned.
    function pin(Config calldata config, bytes calldata params) external {
        bytes32 digest = record(config, params);
        bytes32 inForce = IScoreOracle(committee).configDigest();
        if (digest != inForce) revert WrongDigest(digest, inForce);
        if (digest == _pinnedDigest) revert AlreadyPinned(digest);
        Pair memory previous = _pairs[_pinnedDigest];
        Pair memory next = _pairs[digest];

        _pinnedDigest = digest;
        uint256 until = _windowStart(config.prevDigest) + evidenceWindowSeconds;
        if (until > type(uint40).max) until = type(uint40).max;
        _pinModel(next.borrower, previous.borrower, ModelCode.KIND_BORROWER, digest, until);
        _pinModel(next.collateral, previous.collateral, ModelCode.KIND_COLLATERAL, digest, until);
    }

    /// @dev When nothing signed under `prevDigest`, or any digest before it, is taken any more. Later digests expire later, and one
    ///      that a recovery skipped is unknown, but then all before had expired.
    function _windowStart(bytes32 prevDigest) private view returns (uint256) {
        uint256 expiresAt = ICommittee(committee).termOf(prevDigest).expiresAt;
        return expiresAt > block.timestamp ? expiresAt : block.timestamp;
    }

    /// @dev Pins a model of `kind` and retires its predecessor, if it is another.
    function _pinModel(bytes32 modelId, bytes32 previousId, uint8 kind, bytes32 digest, uint256 until) private {
        Head storage head = _entries[modelId].head;
        if (head.state < State.Tested) revert WrongState(modelId, head.state, State.Tested);
        if (head.kind != kind) revert WrongModelKind(head.kind, kind);
        if (modelId == previousId) return;
        head.state = State.Pinned;
        head.executableUntil = 0;
        emit ModelPinned(modelId, digest);
        if (previousId == 0) return;
        Head storage previous = _entries[previousId].head;
        previous.state = State.Retired;
        // Safe: the caller kept it below 2^40.
        previous.executableUntil = uint40(until);
        emit ModelRetired(previousId, previous.executableUntil);
    }

    // --- views --------------------------------------------------------------------------------

    /// @inheritdoc IModelRegistry
    function scoreBorrower(bytes32 modelId, bytes calldata vector) external view returns (BorrowerFields memory) {
        return _scoreBorrower(_loadFor(modelId, ModelCode.KIND_BORROWER), vector);
    }

    /// @inheritdoc IModelRegistry
    function scoreCollateral(bytes32 modelId, bytes calldata vector) external view returns (CollateralFields memory) {
        return _scoreCollateral(_loadFor(modelId, ModelCode.KIND_COLLATERAL), vector);
    }

    /// @inheritdoc IModelRegistry
    function treesMargin(bytes32 modelId, bytes calldata vector) external view returns (int256) {
        Entry storage entry = _entries[modelId];
        Loaded memory loaded = _load(entry, _requireExecutable(modelId, entry), true);
        TreeEnsemble.load(vector, loaded.features, loaded.support, loaded.values);
        return _sum(loaded);
    }

    /// @inheritdoc IModelRegistry
    function model(bytes32 modelId) external view returns (Model memory result) {
        Entry storage entry = _entries[modelId];
        Head memory head = entry.head;
        address[] memory chunks = new address[](_chunkCount(head));
        for (uint256 i = 0; i < chunks.length; ++i) {
            chunks[i] = entry.chunks[i];
        }
        result = Model({
            state: head.state,
            kind: head.kind,
            features: head.features,
            trees: head.trees,
            depth: head.depth,
            treesActive: _areTreesActive(head),
            sandboxOnly: head.flags & ModelCode.FLAG_SANDBOX_ONLY != 0,
            executableUntil: head.executableUntil,
            tables: head.tables,
            chunks: chunks,
            codeDigest: entry.codeDigest,
            schemaDigest: entry.schemaDigest,
            selfTestHash: entry.selfTestHash,
            selfTestDone: entry.selfTestDone
        });
    }

    /// @inheritdoc IModelRegistry
    function isExecutable(bytes32 modelId) external view returns (bool) {
        return _isExecutable(_entries[modelId].head);
    }

    /// @inheritdoc IModelRegistry
    function modelsOf(bytes32 configDigest) external view returns (bytes32 borrowerModelId, bytes32 collateralModelId) {
        Pair storage pair = _pairs[configDigest];
        return (pair.borrower, pair.collateral);
    }

    // --- states -------------------------------------------------------------------------------

    function _name(Entry storage entry, bytes32 modelId, bytes32 selfTestHash) private {
        if (selfTestHash == 0) revert SelfTestUnnamed(modelId);
        entry.selfTestHash = selfTestHash;
        entry.selfTestNext = selfTestHash;
        entry.selfTestDone = 0;
        emit SelfTestNamed(modelId, selfTestHash);
    }

    function _requireRegistered(bytes32 modelId) private view returns (Entry storage entry) {
        entry = _entries[modelId];
        State state = entry.head.state;
        if (state == State.Unknown) revert UnknownModel(modelId);
        if (state != State.Registered) revert WrongState(modelId, state, State.Registered);
    }

    function _requireExecutable(bytes32 modelId, Entry storage entry) private view returns (Head memory head) {
        head = entry.head;
        if (head.state == State.Unknown) revert UnknownModel(modelId);
        if (!_isExecutable(head)) revert NotExecutable(modelId, head.state, head.executableUntil);
    }

    /// @custom:invariant R-04 A retired model runs until its evidence window ends, and not after.
    function _isExecutable(Head memory head) private view returns (bool) {
        if (head.state == State.Retired) return block.timestamp <= head.executableUntil;
        return head.state == State.Tested || head.state == State.Pinned;
    }

    /// @dev A collateral's margin is its trees' sum, whatever the flag.
    function _areTreesActive(Head memory head) private pure returns (bool) {
        return head.kind == ModelCode.KIND_COLLATERAL || head.flags & ModelCode.FLAG_TREES_ACTIVE != 0;
    }

    // --- running ------------------------------------------------------------------------------

    function _loadFor(bytes32 modelId, uint8 kind) private view returns (Loaded memory) {
        Entry storage entry = _entries[modelId];
        Head memory head = _requireExecutable(modelId, entry);
        if (head.kind != kind) revert WrongModelKind(head.kind, kind);
        return _load(entry, head, _areTreesActive(head));
    }

    /// @dev Copies support, and trees if asked for, to memory, and leaves room for the values of a vector.
    function _load(Entry storage entry, Head memory head, bool withTrees) private view returns (Loaded memory loaded) {
        loaded.tables = head.tables;
        loaded.kind = head.kind;
        loaded.features = head.features;
        loaded.trees = withTrees ? head.trees : 0;
        loaded.depth = head.depth;
        address first = entry.chunks[0];
        address second = _chunkCount(head) > 1 ? entry.chunks[1] : address(0);
        bytes32 digest = _codeDigest(head.tables, first, second);
        if (digest != entry.codeDigest) revert CodeChanged(digest, entry.codeDigest);

        uint256 size = _bodyBytes(loaded.features, loaded.trees, loaded.depth);
        uint256 valuesSize = TreeEnsemble.VALUES_BYTES;
        uint256 most = ModelCode.MAX_CHUNK_BYTES;
        uint256 support;
        uint256 values;
        // Safe: takes the values and `size` bytes behind them from the free memory, and a word more, because the last nodes and
        // leaves are read as whole words. The first chunk holds all that the second one does not, the support section whole.
        assembly ("memory-safe") {
            values := mload(0x40)
            support := add(values, valuesSize)
            mstore(0x40, and(add(add(support, size), 63), not(31)))
            switch gt(size, most)
            case 0 { extcodecopy(first, support, 1, size) }
            default {
                extcodecopy(first, support, 1, most)
                extcodecopy(second, add(support, most), 1, sub(size, most))
            }
        }
        loaded.values = values;
        loaded.support = support;
    }

    /// @dev The code of a data contract starts with STOP, so it cannot change; but it can vanish, and so it is checked at each run.
    function _codeDigest(address tables, address first, address second) private view returns (bytes32) {
        return second == address(0)
            ? keccak256(bytes.concat(tables.codehash, first.codehash))
            : keccak256(bytes.concat(tables.codehash, first.codehash, second.codehash));
    }

    function _chunkCount(Head memory head) private pure returns (uint256) {
        uint256 size = _bodyBytes(head.features, head.trees, head.depth);
        return (size + ModelCode.MAX_CHUNK_BYTES - 1) / ModelCode.MAX_CHUNK_BYTES;
    }

    function _bodyBytes(uint256 features, uint256 trees, uint256 depth) private pure returns (uint256) {
        return features * TreeEnsemble.SUPPORT_BYTES + trees * TreeEnsemble.treeBytes(depth);
    }

    function _sum(Loaded memory loaded) private pure returns (int256) {
        return TreeEnsemble.sum(
            loaded.support + loaded.features * TreeEnsemble.SUPPORT_BYTES, loaded.trees, loaded.depth, loaded.values
        );
    }

    function _scoreBorrower(Loaded memory loaded, bytes calldata vector)
        private
        view
        returns (BorrowerFields memory fields)
    {
        bool rated = TreeEnsemble.load(vector, loaded.features, loaded.support, loaded.values);
        address tables = loaded.tables;
        int256 offset = ScoreMath.stateOffset(tables, TreeEnsemble.slotAt(vector, 0));
        int256 behaviour = _sum(loaded);
        (uint256 pdPpm, uint256 pdUpperPpm) = ScoreMath.probabilities(tables, offset + behaviour);
        // Casts are safe: offsets lie between int32 knots, leaves add up below 2^24, tables hold uint32, points end at 1000.
        fields.stateOffset = int32(offset);
        fields.behaviourMargin = int32(behaviour);
        fields.pdPpm = uint32(pdPpm);
        fields.pdUpperPpm = uint32(pdUpperPpm);
        fields.points = uint16(ScoreMath.points(tables, pdPpm));
        fields.grade = uint8(ScoreMath.grade(tables, pdPpm, rated));
        fields.featuresHash = keccak256(vector);
    }

    function _scoreCollateral(Loaded memory loaded, bytes calldata vector)
        private
        view
        returns (CollateralFields memory fields)
    {
        bool rated = TreeEnsemble.load(vector, loaded.features, loaded.support, loaded.values);
        address tables = loaded.tables;
        int256 margin = _sum(loaded);
        ScoreMath.CollateralFields memory derived = ScoreMath.collateralFields(tables, margin, rated);
        uint256 volatilitySlot = ScoreMath.volatilitySlot(tables);
        // Casts are safe: leaves add up below 2^24, a volatility is at most 65,533 * 100.
        fields.margin = int32(margin);
        fields.volatilityPpm = uint32(ScoreMath.volatility(TreeEnsemble.slotAt(vector, volatilitySlot)));
        fields.drawdownBps = derived.drawdownBps;
        fields.gapPpm = derived.gapPpm;
        fields.ltvCeilingBps = derived.ltvCeilingBps;
        fields.ltvFloorBps = derived.ltvFloorBps;
        fields.liquidationThresholdBps = derived.liquidationThresholdBps;
        fields.binding = derived.binding;
        fields.featuresHash = keccak256(vector);
    }

    // --- self-test ----------------------------------------------------------------------------

    function _hashCases(SelfTestCase[] calldata cases, bytes32 rest) private pure returns (bytes32 head) {
        head = rest;
        for (uint256 i = cases.length; i > 0; --i) {
            SelfTestCase calldata item = cases[i - 1];
            head = keccak256(abi.encode(keccak256(item.vector), keccak256(item.leaf), head));
        }
    }

    function _runCases(Loaded memory loaded, SelfTestCase[] calldata cases, uint256 done) private view {
        for (uint256 i = 0; i < cases.length; ++i) {
            uint256 free;
            // Safe: what a case allocates is not used after it, and a batch must not pay for memory by the square.
            assembly ("memory-safe") {
                free := mload(0x40)
            }
            bytes32 expected = keccak256(cases[i].leaf);
            bytes32 given = loaded.kind == ModelCode.KIND_BORROWER
                ? _borrowerLeaf(loaded, cases[i].vector, cases[i].leaf)
                : _collateralLeaf(loaded, cases[i].vector);
            if (given != expected) revert SelfTestFailed(done + i, given, expected);
            assembly ("memory-safe") {
                mstore(0x40, free)
            }
        }
    }

    /// @dev Hash of a borrower's leaf with the recorded reasons, which are not compared.
    function _borrowerLeaf(Loaded memory loaded, bytes calldata vector, bytes calldata recorded)
        private
        view
        returns (bytes32)
    {
        BorrowerFields memory fields = _scoreBorrower(loaded, vector);
        bool hasReasons = recorded.length >= _REASONS_AT + 4;
        return keccak256(
            abi.encode(
                ModelCode.KIND_BORROWER,
                bytes32(0),
                fields.stateOffset,
                fields.behaviourMargin,
                fields.pdPpm,
                fields.pdUpperPpm,
                fields.points,
                fields.grade,
                hasReasons ? bytes4(recorded[_REASONS_AT:_REASONS_AT + 4]) : bytes4(0),
                fields.featuresHash
            )
        );
    }

    function _collateralLeaf(Loaded memory loaded, bytes calldata vector) private view returns (bytes32) {
        return keccak256(abi.encode(ModelCode.KIND_COLLATERAL, bytes32(0), _scoreCollateral(loaded, vector)));
    }
}
