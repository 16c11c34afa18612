// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import { Test } from "forge-std/Test.sol";

import { ScoreTables } from "../../src/ScoreTables.sol";
import { ScoreMath } from "../../src/libraries/ScoreMath.sol";

/// @notice Reads `tests/vectors/*.json`, the worked examples that pytest runs too.
abstract contract Vectors is Test {
    /// @dev Header of model.bin: magic, kind, features, trees, depth, flags, layout version, schema digest.
    uint256 internal constant MODEL_HEADER_BYTES = 44;

    function vectors(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("tests/vectors/", name, ".json"));
    }

    /// @dev Deploys the tables section of the model at `index` of model.json.
    function deployTables(uint256 index) internal returns (address tables) {
        bytes memory model = modelBytes(index);
        uint256 size = model[4] == 0x01 ? ScoreMath.BORROWER_TABLES_BYTES : ScoreMath.COLLATERAL_TABLES_BYTES;
        (tables,) = new ScoreTables().deploy(slice(model, MODEL_HEADER_BYTES, size));
    }

    function modelBytes(uint256 index) internal view returns (bytes memory) {
        return vm.parseJsonBytes(vectors("model"), string.concat(".models[", vm.toString(index), "].bin"));
    }

    function slice(bytes memory data, uint256 start, uint256 size) internal pure returns (bytes memory part) {
        require(start + size <= data.length, "slice past the end");
        part = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(part, 32), add(add(data, 32), start), size)
        }
    }
}
