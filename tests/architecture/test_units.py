"""Integer fields say their unit twice: in the name, and by a `NewType` of `oracle/domain/units.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source_tree import Module, modules

# The suffix that a unit type demands. Types that are missing here (Epoch, NodeId, ...) are words, not measures.
SUFFIX_OF_TYPE = {
    "UsdE8": "_usd_e8",
    "Wad": "_wad",
    "Ray": "_ray",
    "Bps": "_bps",
    "Ppm": "_ppm",
}
# One of these words, parted by underscores, has to be in the name of a plain int; the last line counts things.
UNIT_WORDS = frozenset(
    "usd e8 wad ray bps ppm s ms us seconds hours days block blocks bytes bits bit bitmap gas wei amount count id index "
    "number slot shift quorum views epoch epochs stage stages row rows step steps category margin decimals port code "
    "borrowers collaterals contracts liquidations members signers observers trees features leaves loans shares".split()
)
# Words of the vocabulary that carry their meaning, and counts named by a plural noun.
DIMENSIONLESS = frozenset(
    "n f q k lo hi shift seq view kind sender node members observers margin points grade binding nonce "
    "version depth slot index stalled_chains borrowers collaterals state_offset behaviour_margin from_epoch "
    "layout_version feature_semantics_version leaf_layout_version issuer_risk bridge_risk block_number chain_id "
    "log_index transaction_index feature threshold leaf bucket z seed status code flags amount shares limit count "
    "size retries attempts workers n_features n_trees number reveals commitments support_lo support_hi batch "
    "volatility_slot prepared_view sequence position v r s protocol_version schema_version".split()
)


def is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def find_unitless_fields(module: Module) -> Iterator[str]:
    """Yield `path:line: what` for each dataclass field whose integer has no unit in its name."""
    for cls in (node for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) and is_dataclass(node)):
        for field in cls.body:
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            name, annotation = field.target.id, ast.unparse(field.annotation).removesuffix(" | None")
            suffix = SUFFIX_OF_TYPE.get(annotation)
            if suffix is not None and not name.endswith(suffix):
                yield f"{module.at(field)}: {cls.name}.{name} is {annotation}, so its name ends in {suffix}"
            elif annotation == "int" and name not in DIMENSIONLESS and not UNIT_WORDS & set(name.split("_")):
                yield f"{module.at(field)}: {cls.name}.{name} is an int without a unit in its name"


def test_integer_fields__of_every_dataclass__carry_their_unit() -> None:
    unitless = [found for module in modules("oracle/") for found in find_unitless_fields(module)]

    assert unitless == []


@pytest.mark.parametrize("field", ["debt: int", "debt: UsdE8", "rate_bps: Ray", "delay: int | None"])
def test_find_unitless_fields__field_without_unit__is_found(field: str) -> None:
    source = f"@dataclass(frozen=True)\nclass Loan:\n    {field}\n"
    module = Module(path="oracle/domain/loan.py", text=source, tree=ast.parse(source))

    assert len(list(find_unitless_fields(module))) == 1


@pytest.mark.parametrize("field", ["debt_usd_e8: UsdE8", "age_s: int", "epoch: Epoch", "n: int", "name: str"])
def test_find_unitless_fields__field_with_unit__passes(field: str) -> None:
    source = f"@dataclass(frozen=True)\nclass Loan:\n    {field}\n"
    module = Module(path="oracle/domain/loan.py", text=source, tree=ast.parse(source))

    assert list(find_unitless_fields(module)) == []
