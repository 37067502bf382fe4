"""The check of the issuer of tokens: whether its keys can be had, and verify what it signs."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from app.auth.jwks import IssuerUnavailable, fetch_keys
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome


_HOSTS: Final = re.compile(r"https?://\[?([^\s/\]:]+)")


def issuer(subject: DoctorContext) -> CheckResult:
    """Whether the server can fetch the keys of the issuer, as it does when tokens come."""
    settings = subject.settings
    url = settings.oidc_issuer
    if url is None:
        return CheckResult(Outcome.NOT_APPLICABLE, "No issuer of tokens is configured.")
    names = frozenset({*_HOSTS.findall(url), *_path_parts(url)})
    try:
        keys = fetch_keys(url, settings.oidc_jwks_url).keys
    except IssuerUnavailable as error:
        return CheckResult(
            Outcome.FAILURE,
            f"The keys of the issuer cannot be had, so no token is taken: {error}.",
            "Let this host reach the issuer (a firewall, a proxy: HTTPS_PROXY, an authority that "
            "this host does not trust); set SA_CONTEXTS_OIDC_ISSUER to what its discovery document "
            "says in `issuer`, to the letter.",
            names=names | frozenset(_HOSTS.findall(str(error))),
        )
    fitting = [key for key in keys if _fits(key, settings.oidc_algorithms)]
    facts: Facts = {"keys": len(keys), "fitting": len(fitting)}
    if not fitting:
        return CheckResult(
            Outcome.FAILURE,
            f"None of the issuer's keys is for {', '.join(settings.oidc_algorithms)}, so no token "
            "is taken.",
            "Set SA_CONTEXTS_OIDC_ALGORITHMS to what the issuer signs by.",
            facts,
            names,
        )
    return CheckResult(
        Outcome.OK,
        f"The issuer tells its keys; {len(fitting)} of {len(keys)} can sign tokens that are taken.",
        facts=facts,
        names=names,
    )


def _fits(key: Key, algorithms: Collection[str]) -> bool:
    """Whether a key can verify by one of these, as far as it says what it is for (RFC 7517, 4)."""
    return key.get("use") in (None, "sig") and any(
        key.key_type == JWSRegistry.algorithms[name].key_type and key.alg in (None, name)
        for name in algorithms
    )


def _path_parts(url: str) -> list[str]:
    """What stands in a URL's path, which is often the name of an organisation."""
    return [part for part in urlsplit(url).path.split("/") if part]
