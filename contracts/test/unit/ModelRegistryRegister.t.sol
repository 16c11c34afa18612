// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { ModelRegistry } from "../../src/ModelRegistry.sol";
import { IModelRegistry } from "../../src/interfaces/IModelRegistry.sol";
import { ModelFixture } from "../support/ModelFixture.sol";

/// @notice What may be registered, byte by byte: frozen models, changed in one place.
contract ModelRegistryRegisterTest is ModelFixture {
    uint256 private constant BORROWER = 0;
    uint256 private constant COLLATERAL = 1;

    // Where the sections of a model lie.
    uint256 private constant TABLES = 44;
    uint256 private constant PD = TABLES + 1033;
    uint256 private constant PD_UPPER = PD + 1024;
    uint256 private constant POINTS = PD_UPPER + 1024;
    uint256 private constant GRADES = POINTS + 2802;
    uint256 private constant BORROWER_SUPPORT = TABLES + 5919;
    uint256 private constant GAP = TABLES + 5;
    uint256 private constant DRAWDOWN = GAP + 1024;
    uint256 private constant CONSTANTS = DRAWDOWN + 1024;
    uint256 private constant COLLATERAL_SUPPORT = TABLES + 2062;

    function setUp() public {
        deployRegistry();
    }

    // --- accepted -----------------------------------------------------------------------------

    /// R-01.
    function test_Register_Model_IdIsTheHashOfItsBytes() public {
        bytes memory model = modelBytes(COLLATERAL);
        Sections memory sections = deploySections(model);
        bytes32 codeDigest = keccak256(bytes.concat(sections.tables.codehash, sections.chunks[0].codehash));

        vm.expectEmit(address(registry));
        emit IModelRegistry.ModelRegistered(keccak256(model), 2, sections.tables, sections.chunks, codeDigest);
        bytes32 modelId = registry.register(sections.header, sections.tables, sections.chunks);

        IModelRegistry.Model memory stored = registry.model(modelId);
        assertEq(modelId, keccak256(model));
        assertEq(uint8(stored.state), uint8(IModelRegistry.State.Registered));
        assertEq(abi.encode(stored.kind, stored.features, stored.trees, stored.depth), abi.encode(2, 3, 3, 2));
        assertEq(abi.encode(stored.treesActive, stored.sandboxOnly), abi.encode(true, false));
        assertEq(stored.tables, sections.tables);
        assertEq(stored.chunks, sections.chunks);
        assertEq(stored.codeDigest, codeDigest);
        assertEq(stored.schemaDigest, bytes32(slice(model, 12, 32)));
    }

    function test_Register_LargestModel_TakesTwoChunks() public {
        bytes32 modelId = register(runModel("largest"));

        IModelRegistry.Model memory stored = registry.model(modelId);
        assertEq(stored.chunks.length, 2);
        assertEq(stored.chunks[0].code.length, 24_576);
        assertEq(stored.chunks[1].code.length, 1 + 32 * 5 + 200 * 188 - 24_575);
    }

    function test_Model_Unknown_IsAllZero() public view {
        IModelRegistry.Model memory stored = registry.model(keccak256("nothing"));

        assertEq(uint8(stored.state), uint8(IModelRegistry.State.Unknown));
        assertEq(stored.chunks.length, 0);
        assertFalse(registry.isExecutable(keccak256("nothing")));
    }

    /// R-01: whatever byte of the trees is changed, the model is another one, or none.
    function testFuzz_Register_OneChangedByte_NeverKeepsTheId(uint256 at, uint8 change) public {
        bytes memory model = modelBytes(COLLATERAL);
        bytes32 original = keccak256(model);
        at = bound(at, 0, model.length - 1);
        model[at] = bytes1(uint8(model[at]) ^ uint8(bound(change, 1, 255)));
        // A changed header may ask for other sizes: sections are cut as the original's all the same.
        bytes memory header = slice(model, 0, 44);
        address tables = deployData(slice(model, 44, 2062));
        address[] memory chunks = new address[](1);
        chunks[0] = deployData(slice(model, COLLATERAL_SUPPORT, model.length - COLLATERAL_SUPPORT));

        try registry.register(header, tables, chunks) returns (bytes32 modelId) {
            assertNotEq(modelId, original);
        } catch { }

        assertEq(uint8(registry.model(original).state), uint8(IModelRegistry.State.Unknown));
    }

    // --- header -------------------------------------------------------------------------------

    function test_Register_RevertWhen_HeaderLengthDiffers() public {
        Sections memory sections = deploySections(modelBytes(BORROWER));

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.HeaderLength.selector, 43, 44));
        registry.register(slice(sections.header, 0, 43), sections.tables, sections.chunks);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.HeaderLength.selector, 45, 44));
        registry.register(bytes.concat(sections.header, hex"00"), sections.tables, sections.chunks);
    }

    function test_Register_RevertWhen_FormatUnknown() public {
        refuse(
            BORROWER,
            3,
            hex"32",
            abi.encodeWithSelector(IModelRegistry.UnknownFormat.selector, bytes4("ASY2"), bytes4("ASY1"), 1, 1)
        );
        refuse(
            BORROWER,
            10,
            hex"0002",
            abi.encodeWithSelector(IModelRegistry.UnknownFormat.selector, bytes4("ASY1"), bytes4("ASY1"), 2, 1)
        );
        refuse(BORROWER, 4, hex"03", abi.encodeWithSelector(IModelRegistry.WrongModelKind.selector, 3, 1));
    }

    function test_Register_RevertWhen_HeaderOutOfBounds() public {
        refuse(BORROWER, 5, hex"00", IModelRegistry.Defect.Features, 0, 0);
        refuse(BORROWER, 5, hex"21", IModelRegistry.Defect.Features, 0, 33);
        refuse(BORROWER, 6, hex"00c9", IModelRegistry.Defect.Trees, 0, 201);
        refuse(BORROWER, 8, hex"00", IModelRegistry.Defect.Depth, 0, 0);
        refuse(BORROWER, 8, hex"06", IModelRegistry.Defect.Depth, 0, 6);
        refuse(BORROWER, 9, hex"04", IModelRegistry.Defect.Flags, 0, 4);
    }

    // --- code ---------------------------------------------------------------------------------

    function test_Register_RevertWhen_ChunkCountDiffers() public {
        Sections memory sections = deploySections(modelBytes(BORROWER));

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ChunkCount.selector, 0, 1));
        registry.register(sections.header, sections.tables, new address[](0));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ChunkCount.selector, 2, 1));
        registry.register(sections.header, sections.tables, new address[](2));
    }

    function test_Register_RevertWhen_ChunkTruncated() public {
        bytes memory model = modelBytes(BORROWER);
        Sections memory sections = deploySections(model);
        uint256 size = model.length - BORROWER_SUPPORT;

        sections.chunks[0] = deployData(slice(model, BORROWER_SUPPORT, size - 1));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ChunkLength.selector, 1, size, size + 1));
        registry.register(sections.header, sections.tables, sections.chunks);

        sections.chunks[0] = deployData(bytes.concat(slice(model, BORROWER_SUPPORT, size), hex"00"));
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ChunkLength.selector, 1, size + 2, size + 1));
        registry.register(sections.header, sections.tables, sections.chunks);

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ChunkLength.selector, 0, 0, 5920));
        registry.register(sections.header, address(0xdead), sections.chunks);
    }

    /// Cut elsewhere, the same bytes would make each run dearer.
    function test_Register_RevertWhen_ChunksAreCutElsewhere() public {
        bytes memory model = runModel("largest");
        Sections memory sections = deploySections(model);
        uint256 size = model.length - BORROWER_SUPPORT;
        sections.chunks[0] = deployData(slice(model, BORROWER_SUPPORT, 20_000));
        sections.chunks[1] = deployData(slice(model, BORROWER_SUPPORT + 20_000, size - 20_000));

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ChunkLength.selector, 1, 20_001, 24_576));
        registry.register(sections.header, sections.tables, sections.chunks);
    }

    function test_Register_RevertWhen_CodeCouldRun() public {
        Sections memory sections = deploySections(modelBytes(BORROWER));
        bytes memory code = sections.chunks[0].code;
        code[0] = 0xff;
        vm.etch(sections.chunks[0], code);

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ChunkPrefix.selector, 1, bytes1(0xff), bytes1(0)));
        registry.register(sections.header, sections.tables, sections.chunks);
    }

    function test_Register_RevertWhen_RegisteredAlready() public {
        bytes32 modelId = register(modelBytes(BORROWER));
        Sections memory sections = deploySections(modelBytes(BORROWER));

        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.AlreadyRegistered.selector, modelId));
        registry.register(sections.header, sections.tables, sections.chunks);
    }

    // --- defects ------------------------------------------------------------------------------

    /// R-06.
    function test_Register_RevertWhen_BorrowerTablesDefective() public {
        // The second knot above the first; signed, so a large one.
        refuse(BORROWER, TABLES + 4, hex"7fffffff", IModelRegistry.Defect.StateOffset, 1, 0x7fffffff);
        // The last one above the one before.
        refuse(BORROWER, TABLES + 1024, hex"00000001", IModelRegistry.Defect.StateOffset, 256, 1);
        refuse(BORROWER, PD + 4, hex"00000000", IModelRegistry.Defect.Probability, 1, 0);
        refuse(BORROWER, PD, hex"00000000", IModelRegistry.Defect.Probability, 0, 0);
        refuse(BORROWER, PD_UPPER + 4, hex"00000000", IModelRegistry.Defect.UpperBound, 1, 0);
        refuse(BORROWER, PD_UPPER + 4 * 255, hex"000f4240", IModelRegistry.Defect.UpperBound, 255, 1_000_000);
        // pdPpm of bin 0 is 1.
        refuse(BORROWER, PD_UPPER, hex"00000000", IModelRegistry.Defect.UpperBound, 0, 0);
        refuse(BORROWER, POINTS + 4 * 699, hex"7fffffff", IModelRegistry.Defect.Points, 699, 0x7fffffff);
        refuse(BORROWER, GRADES + 4 * 8, hex"00000001", IModelRegistry.Defect.Grades, 8, 1);
    }

    /// R-06.
    function test_Register_RevertWhen_CollateralTablesDefective() public {
        refuse(COLLATERAL, GAP + 4 * 255, hex"00000001", IModelRegistry.Defect.Gap, 255, 1);
        refuse(COLLATERAL, DRAWDOWN + 4, hex"00000001", IModelRegistry.Defect.Drawdown, 1, 1);
        refuse(COLLATERAL, CONSTANTS + 4, hex"2711", IModelRegistry.Defect.Share, 2, 10_001);
        refuse(COLLATERAL, CONSTANTS + 6, hex"2711", IModelRegistry.Defect.Share, 3, 10_001);
        // Slot 3 does not exist, and slot 0 is not required.
        refuse(COLLATERAL, CONSTANTS + 8, hex"03", IModelRegistry.Defect.VolatilitySlot, 3, 3);
        refuse(COLLATERAL, CONSTANTS + 8, hex"00", IModelRegistry.Defect.VolatilitySlot, 0, 0);
    }

    /// R-06.
    function test_Register_RevertWhen_SupportDefective() public {
        refuse(BORROWER, BORROWER_SUPPORT + 5, hex"0000ffff00", IModelRegistry.Defect.Support, 1, 0x0000ffff00);
        refuse(BORROWER, BORROWER_SUPPORT + 5, hex"0003000201", IModelRegistry.Defect.Support, 1, 0x0003000201);
        refuse(BORROWER, BORROWER_SUPPORT + 15, hex"0001ffff02", IModelRegistry.Defect.Support, 3, 0x0001ffff02);
    }

    /// R-06: the frozen borrower has four slots and trees of seven nodes.
    function test_Register_RevertWhen_NodesDefective() public {
        uint256 trees = BORROWER_SUPPORT + 4 * 5;
        refuse(BORROWER, trees + 4 * 6, hex"04", IModelRegistry.Defect.NodeFeature, 6, 4);
        // The second tree starts 28 bytes of nodes and 16 of leaves later.
        refuse(BORROWER, trees + 44, hex"00", IModelRegistry.Defect.NodeFeature, 7, 0);
        refuse(BORROWER, trees + 44 + 1, hex"0000", IModelRegistry.Defect.NodeThreshold, 7, 0);
        refuse(BORROWER, trees + 44 + 3, hex"02", IModelRegistry.Defect.NodeDefault, 7, 2);
    }

    /// R-06: padding goes left even if the state is missing; else it would split on it.
    function test_Register_RevertWhen_PaddingGoesRight() public {
        uint256 trees = BORROWER_SUPPORT + 4 * 5;
        refuse(BORROWER, trees, hex"00ffff00", IModelRegistry.Defect.NodeFeature, 0, 0);

        bytes memory model = modelBytes(BORROWER);
        (model[trees], model[trees + 1], model[trees + 2], model[trees + 3]) = (0x00, 0xff, 0xff, 0x01);
        assertEq(register(model), keccak256(model));
    }

    /// A collateral's slot 0 is a feature like any other.
    function test_Register_CollateralSplitOnSlotZero_IsFine() public {
        bytes memory model = modelBytes(COLLATERAL);
        assertEq(uint8(model[COLLATERAL_SUPPORT + 3 * 5]), 0);

        assertEq(register(model), keccak256(model));
    }

    function test_Constructor_RevertWhen_Senseless() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.InvalidRegistry.selector, address(0), 1 days, 365_000 days)
        );
        new ModelRegistry(address(0), curator, 1 days);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.InvalidRegistry.selector, address(committee), 0, 365_000 days)
        );
        new ModelRegistry(address(committee), curator, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.InvalidRegistry.selector, address(committee), 400_000 days, 365_000 days
            )
        );
        new ModelRegistry(address(committee), curator, 400_000 days);
    }

    // --- support ------------------------------------------------------------------------------

    function refuse(
        uint256 index,
        uint256 at,
        bytes memory change,
        IModelRegistry.Defect defect,
        uint256 element,
        uint256 value
    ) private {
        refuse(
            index, at, change, abi.encodeWithSelector(IModelRegistry.DefectiveModel.selector, defect, element, value)
        );
    }

    /// @dev Registers the frozen model at `index` with `change` written at `at`; sections are cut as the original's.
    function refuse(uint256 index, uint256 at, bytes memory change, bytes memory reason) private {
        bytes memory model = modelBytes(index);
        uint256 support = index == COLLATERAL ? COLLATERAL_SUPPORT : BORROWER_SUPPORT;
        for (uint256 i = 0; i < change.length; ++i) {
            model[at + i] = change[i];
        }
        address tables = deployData(slice(model, 44, support - 44));
        address[] memory chunks = new address[](1);
        chunks[0] = deployData(slice(model, support, model.length - support));
        bytes memory header = slice(model, 0, 44);

        vm.expectRevert(reason);
        registry.register(header, tables, chunks);
    }
}
