"""The filters of a list as command-line options, one for each filter of the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeVar, get_args

import typer
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from app.api.errors import parameter_error
from app.api.parameters import Filters
from app.repository.query.filters import Selection


Query = TypeVar("Query", bound=BaseModel)


def filter_options(query: type[Filters]) -> Callable[..., Selection]:
    """Return a function whose parameters are the filters of a query, for use with `borrowing`.

    The function validates the filters as the API does, and returns their selection.
    """

    def select(**texts: list[str] | None) -> Selection:
        return validated(query, texts).selection

    select.__signature__ = Signature(  # type: ignore[attr-defined]  # what `inspect` reads
        [_option(name, query.model_fields[name]) for name in query.SELECTION.names()]
    )
    return select


def validated(query: type[Query], options: Mapping[str, Any]) -> Query:
    """Return the query with the values of options, validated as the API does.

    Args:
        query: the class of the query.
        options: the values by the name of the parameter; empty ones are not given.

    Raises:
        typer.BadParameter: an option is invalid.
    """
    try:
        return query.model_validate(
            {to_camel(name): each for name, each in options.items() if each}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        invalid = parameter_error(first["loc"], first)
        option = next(name for name in options if to_camel(name) == invalid["parameter"])
        raise typer.BadParameter(
            invalid["reason"], param_hint=f"--{option.replace('_', '-')}"
        ) from None


def parameters_of(selection: Selection) -> dict[str, list[str]]:
    """Return a selection as query parameters."""
    return {to_camel(name): texts for name, texts in selection.texts().items()}


def _option(name: str, field: FieldInfo) -> Parameter:
    option = typer.Option(help=field.description, metavar=_metavar(name, field.annotation))
    annotation = Annotated[list[str] | None, option]  # typer would itself validate other types
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _metavar(name: str, annotation: Any) -> str:
    """Return the values of an enumeration; for other types, the kind of value, such as `SUBNET`."""
    value, *_ = get_args(annotation) or (None,)
    if bool in {value, *get_args(value)[:1]}:
        return "[true|false]"
    if isinstance(value, type) and issubclass(value, StrEnum):
        return f"[{'|'.join(value)}]"
    return name.rpartition("_")[2].upper()
