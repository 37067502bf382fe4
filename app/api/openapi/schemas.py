"""Schemas from which generated code has good names and accepts new enumeration values.

Each generator has its own way of naming anonymous schemas, and the code of several generators
rejects a whole response because of one unknown enumeration value. So each enumeration is a named
component (`CipherType`), and responses refer to a second component that accepts any string
(`CipherTypeOrNewer`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.schemas import names


PREFIX: Final = "#/components/schemas/"
"""The start of every reference to a schema."""
NEWER_VALUES: Final = """\
If a response field may have an enumeration value
newer than this document, its schema (`CipherTypeOrNewer`) accepts any string, so generated clients
do too."""
"""The sentence about newer enumeration values in the document's description."""

_INT32_MAX: Final = (1 << 31) - 1

Schema = dict[str, Any]


def tidy_schemas(schemas: dict[str, Schema]) -> None:
    """Name the enumerations of all schemas; accept newer values, except in discriminators.

    Raises:
        ValueError: two different components have the same name.
    """
    for name, schema in list(schemas.items()):
        _tidy(schema)
        for property_, value in schema.get("properties", {}).items():
            _tidy(value)
            _name_enumerations(value, name + _capitalize(property_), schemas)
    for name, schema in schemas.items():
        _name_values(name, schema)
    discriminators = set(_discriminators(schemas))
    for name, schema in list(schemas.items()):
        for property_, value in schema.get("properties", {}).items():
            if (name, property_) not in discriminators:
                _accept_newer_values(value, schemas)


def tidy_parameter(parameter: dict[str, Any], schemas: dict[str, Schema]) -> None:
    """Name the enumerations of a parameter. Parameters accept only values that the server knows.

    The default moves into the description, because some generated clients send defaults explicitly,
    and the server rejects `view=full` with a cursor of another view.

    Raises:
        ValueError: two different components have the same name.
    """
    schema = parameter["schema"]
    _tidy(schema)
    schema.pop("description", None)  # the parameter itself has one
    default = schema.pop("default", None)
    if default not in ([], None):
        parameter["description"] += f" The default is `{default}`."
    choices = [choice for choice in schema.pop("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema.update(choices[0])
    elif choices:
        schema["anyOf"] = choices
    _name_enumerations(schema, _capitalize(parameter["name"]), schemas)


def _tidy(schema: Schema) -> None:
    """Drop titles, which only repeat names, and give integers a format.

    Without a format, generators assume a signed 32-bit integer.
    """
    for each in _with_parts(schema):
        each.pop("title", None)
        choices = each.get("anyOf", ())
        if {"type": "number"} in choices and {"type": "integer"} in choices:
            choices.remove({"type": "integer"})  # integers are numbers
        if each.get("type") == "integer":
            for bound in {"minimum", "maximum"} & set(each):
                each[bound] = int(each[bound])
            is_wide = each.get("maximum", _INT32_MAX + 1) > _INT32_MAX
            each["format"] = "int64" if is_wide else "int32"


def _name_enumerations(schema: Schema, name: str, schemas: dict[str, Schema]) -> None:
    for each in _with_parts(schema):
        if "enum" in each:
            _add(name, {"type": each.pop("type"), "enum": each.pop("enum")}, schemas)
            each["$ref"] = PREFIX + name


def _name_values(name: str, schema: Schema) -> None:
    """Name the members of an enumeration as in `names` if a value is not an identifier."""
    values = schema.get("enum", ())
    if not all(value.isidentifier() for value in values):
        enumeration = getattr(names, name)
        schema["x-enum-varnames"] = [enumeration(value).name for value in values]


def _accept_newer_values(schema: Schema, schemas: dict[str, Schema]) -> None:
    """Replace references to enumerations by references to components that accept any string."""
    for each in _with_parts(schema):
        name = each.get("$ref", "").removeprefix(PREFIX)
        if "enum" in schemas.get(name, ()):
            choice = {
                "anyOf": [{"$ref": PREFIX + name}, {"type": "string"}],
                "description": f"A value of {name}, or one newer than this document.",
            }
            _add(f"{name}OrNewer", choice, schemas)
            each["$ref"] = f"{PREFIX}{name}OrNewer"


def _add(name: str, schema: Schema, schemas: dict[str, Schema]) -> None:
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"two components have the name {name}")


def _discriminators(schemas: dict[str, Schema]) -> Iterator[tuple[str, str]]:
    for schema in schemas.values():
        if "discriminator" in schema:
            for variant in schema["oneOf"]:
                yield variant["$ref"].removeprefix(PREFIX), schema["discriminator"]["propertyName"]


def _with_parts(schema: Schema) -> Iterator[Schema]:
    """Yield a schema and its subschemas, except those of its properties."""
    yield schema
    for part in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())):
        if isinstance(part, dict):
            yield from _with_parts(part)


def _capitalize(name: str) -> str:
    return name[:1].upper() + name[1:]
