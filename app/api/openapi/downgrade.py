"""The OpenAPI 3.0.3 form of the document, for generators that handle 3.1 poorly.

This form is derived from the 3.1 document. It uses only what generators for C#, Go and PowerShell
handle well, and nothing that breaks a generated client when a later server adds to its responses:

- Enumerations and constants are of a plain type. The description lists their values;
  `x-extensible-enum` lists those that are strings.
- A union is one object with the fields of all variants; only the discriminator is required.
- Objects explicitly allow additional fields; otherwise, the code of some generators rejects them.
- `null` is expressed by `nullable`.
- There are no examples of responses, because generators do not use them.
- Operation ids are in camelCase, because NSwag uses them unchanged as method names.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from app.api.openapi.components import without_unused
from app.api.openapi.schemas import NEWER_VALUES, PREFIX, Schema


VERSION: Final = "3.0.3"

_NEWER_VALUES: Final = """\
In this document enumerations are plain strings, whose known values are in `x-extensible-enum`, and
unions are one object with the fields of all variants, so generated clients accept newer ones."""
_NULL: Final = {"type": "null"}


def as_3_0(document: dict[str, Any]) -> dict[str, Any]:
    """Return the 3.0.3 form of a 3.1 document as a copy."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    converter = _Converter(schemas)
    derived = deepcopy(document)
    derived["openapi"] = VERSION
    info = derived["info"]
    info["description"] = info["description"].replace(NEWER_VALUES, _NEWER_VALUES)
    del info["summary"]
    info["license"] = {"name": "MIT", "url": "https://opensource.org/license/mit"}
    for operation in (each for path in derived["paths"].values() for each in path.values()):
        operation["operationId"] = _camel_case(operation["operationId"])
        for requirement in operation.get("security", ()):
            requirement["bearer"] = []  # 3.0 allows scopes only for OAuth 2 and OpenID Connect
        for parameter in operation.get("parameters", ()):
            converter.convert_parameter(parameter)
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                link["operationId"] = _camel_case(link["operationId"])
            for content in response.get("content", {}).values():
                content["schema"] = converter.convert(content["schema"])
                content.pop("examples", None)
    derived["components"]["schemas"] = {
        name: converter.convert(schema)
        for name, schema in schemas.items()
        if "properties" in schema or "discriminator" in schema  # not an enumeration
    }
    derived["components"]["schemas"] = without_unused(derived)
    return derived


class _Converter:
    """Converts the schemas of one document.

    Args:
        schemas: the document's named schemas.
    """

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self._schemas = schemas

    def convert_parameter(self, parameter: dict[str, Any]) -> None:
        """Convert a parameter in place; list the accepted values in its description."""
        schema = parameter["schema"] = self.convert(parameter["schema"])
        part = schema.get("items", schema)
        part.pop("description", None)
        if "x-extensible-enum" in part:
            parameter["description"] += f" {_listed(part['x-extensible-enum'])}"

    def convert(self, schema: Schema) -> Schema:
        """Return the 3.0.3 form of a schema."""
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return self._nullable(schema)
        if "discriminator" in schema:
            return self.convert(self._merged(schema))
        if "enum" in schema or "const" in schema:
            return _plain(schema)
        converted = dict(schema)
        if "$ref" in schema and len(schema) > 1:  # 3.0 ignores the siblings of a reference
            converted["allOf"] = [{"$ref": converted.pop("$ref")}]
        if "examples" in schema:
            converted["example"] = converted.pop("examples")[0]
        if schema.get("type") == "number":
            converted["format"] = "double"  # without a format, Go uses float32
        if "items" in schema:
            converted["items"] = self.convert(schema["items"])
        if "properties" in schema:
            properties = schema["properties"].items()
            converted["properties"] = {name: self.convert(value) for name, value in properties}
            converted["additionalProperties"] = True
        return converted

    def _resolved(self, schema: Schema) -> Schema:
        """Replace a reference to an enumeration, or to its `OrNewer` form, by the enumeration."""
        while "$ref" in schema:
            named = self._schemas[schema["$ref"].removeprefix(PREFIX)]
            if {"type": "string"} in named.get("anyOf", ()):
                (named,) = (each for each in named["anyOf"] if "$ref" in each)
            elif "enum" not in named:
                break
            own = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**named, **own}
        return schema

    def _nullable(self, schema: Schema) -> Schema:
        """Convert a choice between a schema and null, or between the shapes of several views.

        Other choices occur only in enumerations, which `_resolved` has replaced. For a reference
        that may be null, generators expect `allOf` and `nullable`, although 3.0.3, read strictly,
        still excludes null. Of several views, the result is the first, which is the default:
        generators for 3.0 do not support choices without a discriminator.
        """
        choice, *others = (each for each in schema["anyOf"] if each != _NULL)
        if others:
            return self.convert(choice)
        own = {name: value for name, value in schema.items() if name != "anyOf"}
        converted = self.convert({**choice, **own})
        if "$ref" in converted:
            converted = {"allOf": [converted]}
        if "allOf" in converted:
            converted["type"] = "object"  # `nullable` requires `type` in the same schema
        return {**converted, "nullable": True}

    def _merged(self, union: Schema) -> Schema:
        """Return an object with the fields of all variants of a union."""
        tag = union["discriminator"]["propertyName"]
        variants: dict[str, list[str]] = {each["$ref"]: [] for each in union["oneOf"]}
        for value, reference in union["discriminator"]["mapping"].items():
            variants[reference].append(value)
        fields: dict[str, list[Schema]] = {}
        lines = [f"The fields depend on `{tag}`:", ""]
        for reference, values in variants.items():
            variant = self._schemas[reference.removeprefix(PREFIX)]
            own = {field: each for field, each in variant["properties"].items() if field != tag}
            for field, each in own.items():
                forms = fields.setdefault(field, [])
                if each not in forms:
                    forms.append(each)
            has = f" Has {', '.join(f'`{field}`' for field in own)}." if own else ""
            listed = ", ".join(f"`{value}`" for value in values)
            summary = variant["description"].partition("\n")[0]
            lines.append(f"- {listed}: {summary}{has}")
        properties = {
            field: forms[0] if len(forms) == 1 else {"description": f"Its type depends on `{tag}`."}
            for field, forms in fields.items()
        }
        values = [value for each in variants.values() for value in each]
        return {
            "type": "object",
            "description": "\n".join(lines),
            "properties": {tag: {"type": "string", "enum": values}, **properties},
            "required": [tag],
        }


def _plain(schema: Schema) -> Schema:
    """Return an enumeration or a constant as its plain type; list the values in the description."""
    plain: Schema = {name: schema[name] for name in ("type", "description") if name in schema}
    values = schema.get("enum", [schema.get("const")])
    words = _listed(values) if schema["type"] == "string" else f"Always {str(values[0]).lower()}."
    plain["description"] = f"{plain.get('description', '')} {words}".lstrip()
    if schema["type"] == "string":
        plain["x-extensible-enum"] = values
    return plain


def _listed(values: list[str]) -> str:
    return f"Values: {', '.join(f'`{value}`' for value in values)}."


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
