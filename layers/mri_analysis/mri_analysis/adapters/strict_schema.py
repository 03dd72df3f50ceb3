"""A JSON schema that every strict tool takes.

Bedrock, Anthropic and OpenAI compile the schema of a strict tool into a grammar, and each knows
another part of JSON Schema: bounds of lengths and numbers, patterns and recursion are refused, an
object must forbid what it does not name. What is left out here is checked on the answer
(``contracts.draft.Draft``).
"""

from collections.abc import Mapping
from typing import Any

_KEPT = frozenset({"type", "description", "enum", "const"})


def portable_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` with its definitions written out, closed objects, and nothing but the common part.

    Every property becomes required, also one with a default.

    Raises
    ------
    ValueError
        It is recursive, or refers to what it does not define.
    """
    return _portable(schema, schema.get("$defs", {}), ())


def _portable(
    node: Mapping[str, Any], definitions: Mapping[str, Any], open_names: tuple[str, ...]
) -> dict[str, Any]:
    if "$ref" in node:
        name = str(node["$ref"]).removeprefix("#/$defs/")
        if name in open_names:
            raise ValueError(f"The definition {name} contains itself.")
        if name not in definitions:
            raise ValueError(f"There is no definition {name}.")
        written_out = _portable(definitions[name], definitions, (*open_names, name))
        # A description beside the reference is about this place, not about the type.
        return written_out | {key: node[key] for key in ("description",) if key in node}
    found = {key: value for key, value in node.items() if key in _KEPT}
    if "items" in node:
        found["items"] = _portable(node["items"], definitions, open_names)
    if "anyOf" in node:
        found["anyOf"] = [_portable(option, definitions, open_names) for option in node["anyOf"]]
    if node.get("type") == "object":
        properties = {
            name: _portable(value, definitions, open_names)
            for name, value in node.get("properties", {}).items()
        }
        found |= {
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    return found
