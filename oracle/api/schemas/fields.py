"""Field types of the API: how bytes and big integers look in JSON.

Integers below 2^53 are numbers; amounts and everything in 10^18 are decimal strings, because a JSON number would round them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

HASH_PATTERN = "^0x[0-9a-f]{64}$"
ADDRESS_PATTERN = "^0x[0-9a-fA-F]{40}$"

HashHex = Annotated[
    str, Field(pattern=HASH_PATTERN, description="32 bytes of lower-case hex.", examples=["0x" + "4f" * 32])
]
AddressHex = Annotated[
    str,
    Field(
        pattern=ADDRESS_PATTERN,
        description="Address with the EIP-55 checksum.",
        examples=["0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"],
    ),
]
BytesHex = Annotated[str, Field(pattern="^0x([0-9a-f]{2})*$", description="Bytes as lower-case hex.")]
DecimalString = Annotated[
    str, Field(pattern="^-?[0-9]+$", description="An integer as a decimal string.", examples=["1500000000"])
]
EpochNumber = Annotated[
    int, Field(ge=0, description="Boundary time divided by the epoch's length.", examples=[494_400])
]
MarginUnits = Annotated[
    int, Field(description="Log-odds in units of 1/4096; higher is riskier. Not a probability.", examples=[-14_210])
]
PpmNumber = Annotated[int, Field(ge=0, description="Parts per million.", examples=[12_500])]
BpsNumber = Annotated[int, Field(ge=0, description="Basis points, 10000 is one.", examples=[7_450])]


class Schema(BaseModel):
    """Base of every answer: frozen, and described by its docstring."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class StructSchema(Schema):
    """Base of what goes into a contract: on the wire its fields have the Solidity names."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)
