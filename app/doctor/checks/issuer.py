"""The check of the token issuer: whether its keys can be fetched and used."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

import anyio
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from app.auth.jwks import IssuerUnavailable, fetch_keys
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts, failure, not_applicable, ok


_HOSTS: Final = re.compile(r"https?://\[?([^\s/\]:]+)")


def issuer(context: DoctorContext) -> CheckResult:
    """Check that the issuer's keys can be fetched, and that one of them fits `oidc_algorithms`."""
    settings = context.settings
    url = settings.oidc_issuer
    if url is None:
        return not_applicable("No token issuer is configured.")
    names = frozenset({*_HOSTS.findall(url), *_path_parts(url)})
    try:
        keys = anyio.run(fetch_keys, url, settings.oidc_jwks_url).keys
    except IssuerUnavailable as error:
        return failure(
            f"The issuer's keys cannot be fetched, so every token is rejected: {error}.",
            "Let this host reach the issuer (check firewall, proxy (HTTPS_PROXY) and trusted CAs); "
            "set SA_CONTEXTS_OIDC_ISSUER to exactly the `issuer` of its discovery document.",
            names=names | frozenset(_HOSTS.findall(str(error))),
        )
    fitting = [key for key in keys if _fits(key, settings.oidc_algorithms)]
    facts: Facts = {"keys": len(keys), "fitting": len(fitting)}
    if not fitting:
        return failure(
            f"None of the issuer's keys is for {', '.join(settings.oidc_algorithms)}, so every "
            "token is rejected.",
            "Set SA_CONTEXTS_OIDC_ALGORITHMS to the algorithms that the issuer uses.",
            facts,
            names,
        )
    return ok(
        f"{len(fitting)} of the issuer's {len(keys)} keys fit the configured algorithms.",
        facts=facts,
        names=names,
    )


def _fits(key: Key, algorithms: Collection[str]) -> bool:
    """Return whether a key's type, `use` and `alg` allow one of the algorithms (RFC 7517, 4)."""
    return key.get("use") in (None, "sig") and any(
        key.key_type == JWSRegistry.algorithms[name].key_type and key.alg in (None, name)
        for name in algorithms
    )


def _path_parts(url: str) -> list[str]:
    """Return the non-empty segments of a URL's path, which often name an organisation."""
    return [part for part in urlsplit(url).path.split("/") if part]
