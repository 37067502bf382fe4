"""Schemas that give good names in generated code, and leave room to grow.

Generators name an anonymous schema by where it stands, each in its own way; and
several refuse a whole response for one word of an enumeration that they do not
know. So each enumeration is a component of its own, and where responses have
one, so is the choice of its words and any newer one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.schemas import names


_PREFIX: Final = "#/components/schemas/"
_INT32_MAX: Final = (1 << 31) - 1

Schema = dict[str, Any]


def tidy_schemas(schemas: dict[str, Schema]) -> None:
    """Name the enumerations of all schemas, and let them grow.

    Raises:
        ValueError: there is another component of a name.
    """
    for name, schema in list(schemas.items()):
        _tidy(schema)
        for property_, value in schema.get("properties", {}).items():
            _tidy(value)
            _name_enumerations(value, name + _capitalised(property_), schemas)
    for name, schema in schemas.items():
        _name_words(name, schema)
    discriminators = set(_discriminators(schemas))
    for name, schema in list(schemas.items()):
        for property_, value in schema.get("properties", {}).items():
            if (name, property_) not in discriminators:
                _open(value, schemas)


def tidy_parameter(parameter: dict[str, Any], schemas: dict[str, Schema]) -> None:
    """Name the enumerations of a parameter, which takes only words that the server knows.

    Its default is told in words: some generated clients send it where nothing is
    given, and `view=full` beside the cursor of another view is refused.

    Raises:
        ValueError: there is another component of a name.
    """
    schema = parameter["schema"]
    _tidy(schema)
    schema.pop("description", None)  # the parameter has it
    default = schema.pop("default", None)
    if default not in ([], None):
        parameter["description"] += f" `{default}` unless given."
    choices = [choice for choice in schema.pop("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema.update(choices[0])
    elif choices:
        schema["anyOf"] = choices
    _name_enumerations(schema, _capitalised(parameter["name"]), schemas)


def _tidy(schema: Schema) -> None:
    """Leave out titles, which repeat names, and say how wide an integer is.

    For generators one without a format has 32 bits and a sign.
    """
    for each in _with_parts(schema):
        each.pop("title", None)
        choices = each.get("anyOf", ())
        if {"type": "number"} in choices and {"type": "integer"} in choices:
            choices.remove({"type": "integer"})  # a number too
        if each.get("type") == "integer":
            for bound in {"minimum", "maximum"} & set(each):
                each[bound] = int(each[bound])
            is_wide = each.get("maximum", _INT32_MAX + 1) > _INT32_MAX
            each["format"] = "int64" if is_wide else "int32"


def _name_enumerations(schema: Schema, name: str, schemas: dict[str, Schema]) -> None:
    for each in _with_parts(schema):
        if "enum" in each:
            _add(name, {"type": each.pop("type"), "enum": each.pop("enum")}, schemas)
            each["$ref"] = _PREFIX + name


def _name_words(name: str, schema: Schema) -> None:
    """Say what words that are no names are called in code: as in this project's."""
    words = schema.get("enum", ())
    if not all(word.isidentifier() for word in words):
        enumeration = getattr(names, name)
        schema["x-enum-varnames"] = [enumeration(word).name for word in words]


def _open(schema: Schema, schemas: dict[str, Schema]) -> None:
    """Let any text stand where an enumeration does."""
    for each in _with_parts(schema):
        name = each.get("$ref", "").removeprefix(_PREFIX)
        if "enum" in schemas.get(name, ()):
            choice = {
                "anyOf": [{"$ref": _PREFIX + name}, {"type": "string"}],
                "description": f"A word of {name}, or one that is newer than this document.",
            }
            _add(f"{name}OrNewer", choice, schemas)
            each["$ref"] = f"{_PREFIX}{name}OrNewer"


def _add(name: str, schema: Schema, schemas: dict[str, Schema]) -> None:
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"there is another component of the name {name}")


def _discriminators(schemas: dict[str, Schema]) -> Iterator[tuple[str, str]]:
    for schema in schemas.values():
        if "discriminator" in schema:
            for variant in schema["oneOf"]:
                yield variant["$ref"].removeprefix(_PREFIX), schema["discriminator"]["propertyName"]


def _with_parts(schema: Schema) -> Iterator[Schema]:
    """A schema and those within it that are not properties."""
    yield schema
    for part in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())):
        if isinstance(part, dict):
            yield from _with_parts(part)


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]
