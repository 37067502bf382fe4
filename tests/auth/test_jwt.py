"""Verification of tokens: signed by hand, and the RFCs' own examples."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from app.auth import jwt
from app.auth.callers import Caller
from app.auth.jwks import (
    MIN_FETCH_INTERVAL_SECONDS,
    SOFT_TTL_SECONDS,
    IssuerUnavailable,
    JwksClient,
)
from app.auth.jwt import JwtVerifier
from app.auth.rejections import CredentialRejected, RejectionReason
from app.auth.scopes import Scope
from tests.auth.oidc import (
    AUDIENCE,
    Oidc,
    SigningKey,
    encoded,
    json_encoded,
    signed,
    signed_by_secret,
    signing_key,
    unsigned,
)


pytestmark = pytest.mark.anyio

ALL = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")


class Trust:
    """A verifier with an issuer that needs no network, and a clock of its own."""

    def __init__(self, algorithms: tuple[str, ...] = ALL, skew: int = 0) -> None:
        self.oidc = Oidc("https://issuer.example/tenant", clock=lambda: self.began)
        self.is_down = False
        self.on_fetch: Callable[[], object] = lambda: None
        self.passed = 0.0
        self.began = 1_800_000_000
        issuer = JwksClient(
            self.oidc.url, None, fetch=self.fetch, monotonic=lambda: 1000 + self.passed
        )
        self.tokens = JwtVerifier(
            issuer, AUDIENCE, algorithms, skew, clock=lambda: self.began + self.passed
        )

    async def fetch(self, url: str) -> bytes:
        self.on_fetch()
        path = url.removeprefix(self.oidc.url)
        self.oidc.asked.append(path)
        if self.is_down:
            raise IssuerUnavailable("it is down")
        return self.oidc.answer(path)[1]

    @property
    def fetches(self) -> int:
        return self.oidc.asked.count("/keys")

    def token(self, **changes: Any) -> str:
        return self.oidc.token(**changes)

    async def caller_of(self, token: str) -> Caller:
        return self.tokens.lookup(token) or await self.tokens.caller_of(token)

    async def rejection(self, token: str) -> RejectionReason:
        with pytest.raises(CredentialRejected) as rejected:
            await self.caller_of(token)
        return rejected.value.reason


@pytest.fixture
def trust() -> Trust:
    return Trust()


async def test_the_example_of_rfc_7515_is_verified() -> None:
    """Appendix A.3. What it says is no more than the signature's being right lets be judged."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    example = (
        "eyJhbGciOiJFUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ"
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )

    async def fetch(_url: str) -> bytes:
        return json.dumps({"keys": [jwk]}).encode()

    issuer = JwksClient("joe", "https://example.com/keys", fetch=fetch)
    reasons = []
    for each in (example, example.replace("VlfQ.D", "VlfQ.E")):
        with pytest.raises(CredentialRejected) as rejected:
            await JwtVerifier(issuer, AUDIENCE, ALL, 0, clock=lambda: 1300819379.0).caller_of(each)
        reasons.append(rejected.value.reason)

    assert reasons == [RejectionReason.CLAIMS, RejectionReason.SIGNATURE]  # it names no audience


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_each_algorithm_is_taken_where_it_is_listed(alg: str) -> None:
    for listed in ((alg,), tuple(each for each in ALL if each != alg)):
        trust = Trust(listed)
        trust.oidc.keys = [signing_key(f"by-{alg}", alg)]
        token = trust.token(sub="monitor", jti="0815", scope="sa:read events:read other")
        if alg in listed:
            scopes = frozenset((Scope.SA_READ, Scope.EVENTS_READ))
            expected = Caller("monitor", "jwt", scopes, "0815", trust.began + 600)
            assert await trust.caller_of(token) == expected
        else:
            assert await trust.rejection(token) is RejectionReason.ALGORITHM


async def test_ed25519_is_taken_by_its_own_name(trust: Trust) -> None:
    key = signing_key("by-EdDSA", "EdDSA")
    trust.oidc.keys = [SigningKey(key.kid, "Ed25519", key.private)]

    assert (await trust.caller_of(trust.token())).kind == "jwt"


async def test_no_secret_signs(trust: Trust) -> None:
    """HS256 with a public key, or with a secret that the issuer published by mistake."""
    rsa_key = signing_key("by-RS256", "RS256")
    trust.oidc.keys = [rsa_key]
    claims = trust.oidc.claims()
    jwk = json.dumps(rsa_key.jwk).encode()
    for secret in (rsa_key.pem, rsa_key.pem.strip(), jwk, b""):
        assert await trust.rejection(signed_by_secret(claims, secret, rsa_key.kid)) is (
            RejectionReason.ALGORITHM
        )
    published = {"kty": "oct", "kid": "oops", "k": encoded(b"secret" * 8)}
    keys = json.dumps({"keys": [rsa_key.jwk, published]}).encode()
    trust.oidc.answers["/keys"] = (200, keys)
    token = signed_by_secret(claims, b"secret" * 8, "oops")
    assert await trust.rejection(token) is RejectionReason.ALGORITHM


async def test_no_algorithm_takes_anothers_key(trust: Trust) -> None:
    """A key without `alg` still has a key type."""
    key = signing_key("by-RS256", "RS256")
    jwk = {name: value for name, value in key.jwk.items() if name not in ("alg", "use")}
    trust.oidc.answers["/keys"] = (200, json.dumps({"keys": [jwk]}).encode())
    other = signing_key("by-ES256", "ES256")

    assert (
        await trust.rejection(signed(trust.oidc.claims(), other, kid=key.kid))
        is RejectionReason.SIGNATURE
    )
    assert (await trust.caller_of(signed(trust.oidc.claims(), key))).name == "monitor"


async def test_a_key_for_encryption_verifies_nothing(trust: Trust) -> None:
    key = signing_key("by-RS256", "RS256")
    jwk = {**key.jwk, "use": "enc"}
    trust.oidc.answers["/keys"] = (200, json.dumps({"keys": [jwk]}).encode())

    rejections = {
        await trust.rejection(signed(trust.oidc.claims(), key)),
        await trust.rejection(signed(trust.oidc.claims(), key, kid=None)),
    }
    assert rejections <= {RejectionReason.UNKNOWN_KEY, RejectionReason.SIGNATURE}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://issuer.example/tenant/"}, RejectionReason.ISSUER),
        ({"iss": "https://issuer.example"}, RejectionReason.ISSUER),
        ({"iss": ["https://issuer.example/tenant"]}, RejectionReason.ISSUER),
        ({"iss": None}, RejectionReason.CLAIMS),
        ({"aud": "api://sa-contexts-other"}, RejectionReason.AUDIENCE),
        ({"aud": ["api://other", "api://another"]}, RejectionReason.AUDIENCE),
        ({"aud": {}}, RejectionReason.AUDIENCE),
        ({"aud": None}, RejectionReason.CLAIMS),
        ({"exp": None}, RejectionReason.CLAIMS),
        ({"exp": "2100-01-01"}, RejectionReason.CLAIMS),
        ({"exp": True}, RejectionReason.CLAIMS),
        ({"exp": 0}, RejectionReason.EXPIRED),
        ({"nbf": 4102444800}, RejectionReason.NOT_YET_VALID),
        ({"iat": 4102444800}, RejectionReason.NOT_YET_VALID),
        ({"sub": 5}, RejectionReason.CLAIMS),
    ],
)
async def test_claims_are_judged(
    trust: Trust, changes: dict[str, Any], reason: RejectionReason
) -> None:
    assert await trust.rejection(trust.token(**changes)) is reason


async def test_one_of_several_audiences_is_enough(trust: Trust) -> None:
    assert (await trust.caller_of(trust.token(aud=["api://other", AUDIENCE]))).name == "monitor"


@pytest.mark.parametrize("skew", [0, 30])
async def test_clocks_may_differ_by_as_much_as_is_said(skew: int) -> None:
    trust = Trust(skew=skew)
    for changes in (
        {"exp": trust.began - skew + 1},
        {"nbf": trust.began + skew},
        {"iat": trust.began + skew},
    ):
        await trust.caller_of(trust.token(**changes))
    assert await trust.rejection(trust.token(exp=trust.began - skew)) is RejectionReason.EXPIRED
    for claim in ("nbf", "iat"):
        late = trust.token(**{claim: trust.began + skew + 1})
        assert await trust.rejection(late) is RejectionReason.NOT_YET_VALID


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"typ": None}, None),
        ({"typ": "at+jwt"}, None),
        ({"typ": "application/AT+JWT"}, None),
        ({"x5t": "abc", "nonce": "of Entra's"}, None),
        ({"typ": "logout+jwt"}, RejectionReason.MALFORMED),
        ({"typ": 5}, RejectionReason.MALFORMED),
        ({"kid": 5}, RejectionReason.MALFORMED),
        ({"kid": "unknown"}, RejectionReason.UNKNOWN_KEY),
        ({"kid": "../first"}, RejectionReason.UNKNOWN_KEY),
        ({"crit": ["exp"], "exp": 1}, RejectionReason.MALFORMED),
        ({"crit": ["b64"], "b64": False}, RejectionReason.MALFORMED),
        ({"crit": ["b64"], "b64": True}, RejectionReason.MALFORMED),
        ({"alg": "NONE"}, RejectionReason.ALGORITHM),
        ({"alg": "RS512"}, RejectionReason.ALGORITHM),
        ({"alg": None}, RejectionReason.MALFORMED),
        ({"alg": ["ES256"]}, RejectionReason.MALFORMED),
        ({"padding": "x" * 1000}, RejectionReason.MALFORMED),
    ],
)
async def test_headers_are_judged(
    trust: Trust, header: dict[str, Any], reason: RejectionReason | None
) -> None:
    token = signed(trust.oidc.claims(), trust.oidc.keys[0], **header)
    if reason is None:
        assert (await trust.caller_of(token)).name == "monitor"
    else:
        assert await trust.rejection(token) is reason


async def test_what_is_no_token_is_refused_without_asking_the_issuer(trust: Trust) -> None:
    token = trust.token()
    head, claims, signature = token.split(".")
    wrong = [
        "",
        "a",
        "..",
        f"{head}.{claims}",
        f"{token}.{signature}.{signature}",
        f"{json_encoded(['alg'])}.{claims}.{signature}",
        f"{json_encoded('alg')}.{claims}.{signature}",
        f"{encoded(b'{')}.{claims}.{signature}",
        f"{head}=.{claims}.{signature}",
        f"{'[' * 500}.{claims}.{signature}",
    ]
    for each in wrong:
        assert await trust.rejection(each) is RejectionReason.MALFORMED, each
    assert await trust.rejection(unsigned(trust.oidc.claims())) is RejectionReason.ALGORITHM
    assert trust.fetches == 0


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'"text"', b'{"exp":1e999}', b"\xff"])
async def test_a_payload_that_makes_no_sense_is_refused(trust: Trust, payload: bytes) -> None:
    key = trust.oidc.keys[0]
    text = f"{json_encoded({'alg': key.alg, 'kid': key.kid})}.{encoded(payload)}"
    token = f"{text}.{encoded(key.signature(text.encode()))}"

    assert await trust.rejection(token) is RejectionReason.CLAIMS


async def test_a_new_key_of_the_issuer_is_found_when_it_is_needed(trust: Trust) -> None:
    old = trust.token()
    await trust.caller_of(old)
    trust.oidc.keys = [trust.oidc.keys[0], signing_key("second")]
    new = trust.token()

    assert await trust.rejection(new) is RejectionReason.UNKNOWN_KEY  # too soon to fetch
    trust.passed += MIN_FETCH_INTERVAL_SECONDS
    assert (await trust.caller_of(new)).name == "monitor"
    assert (await trust.caller_of(old)).name == "monitor"
    assert trust.fetches == 2


async def test_a_withdrawn_key_is_dropped(trust: Trust) -> None:
    old = trust.token(exp=trust.began + 10 * SOFT_TTL_SECONDS)
    await trust.caller_of(old)
    trust.oidc.keys = [signing_key("second")]
    trust.passed += SOFT_TTL_SECONDS + 1

    assert await trust.rejection(old) is RejectionReason.UNKNOWN_KEY


async def test_no_verdict_outlives_the_keys_by_which_it_was_found(trust: Trust) -> None:
    """A withdrawn key is gone after ten minutes, however late a token of it came."""
    early, late = (trust.token(exp=trust.began + 9999, jti=each) for each in ("early", "late"))
    await trust.caller_of(early)
    trust.passed = SOFT_TTL_SECONDS - 1
    await trust.caller_of(late)
    assert trust.tokens.lookup(late) is not None
    assert trust.fetches == 1
    trust.oidc.keys = [signing_key("second")]
    trust.passed = SOFT_TTL_SECONDS

    assert await trust.rejection(late) is RejectionReason.UNKNOWN_KEY
    assert await trust.rejection(early) is RejectionReason.UNKNOWN_KEY
    assert trust.fetches == 2


async def test_keys_that_nobody_confirms_are_no_longer_used_after_an_hour(
    trust: Trust,
) -> None:
    early, late = (trust.token(exp=trust.began + 9999, jti=each) for each in ("early", "late"))
    await trust.caller_of(early)
    trust.is_down = True
    trust.passed = 3599
    for token in (early, late):
        await trust.caller_of(token)
        assert trust.tokens.lookup(token) is not None  # until the issuer is asked again
    trust.passed = 3601

    for token in (early, late):
        assert await trust.rejection(token) is RejectionReason.ISSUER_UNAVAILABLE
    trust.is_down = False
    trust.passed += MIN_FETCH_INTERVAL_SECONDS
    assert (await trust.caller_of(late)).name == "monitor"


async def test_unauthenticated_clients_cannot_trigger_fetches_at_will(trust: Trust) -> None:
    await trust.caller_of(trust.token())
    trust.passed += MIN_FETCH_INTERVAL_SECONDS
    unknown = [
        signed(trust.oidc.claims(jti=str(at)), signing_key("foreign"), kid=f"x{at}")
        for at in range(20)
    ]
    async with anyio.create_task_group() as tasks:
        for token in unknown:
            tasks.start_soon(trust.rejection, token)
    assert trust.fetches == 2
    for token in unknown:
        assert await trust.rejection(token) is RejectionReason.UNKNOWN_KEY
        trust.passed += MIN_FETCH_INTERVAL_SECONDS / 20
    assert trust.fetches <= 3


async def test_an_issuer_that_is_down_is_asked_again_and_missed_only_at_first(
    trust: Trust,
) -> None:
    trust.is_down = True
    with capture_logs() as log:
        assert await trust.rejection(trust.token()) is RejectionReason.ISSUER_UNAVAILABLE
        assert await trust.rejection(trust.token()) is RejectionReason.ISSUER_UNAVAILABLE
    assert [entry["event"] for entry in log] == ["issuer_unavailable"]
    trust.is_down = False
    trust.passed += MIN_FETCH_INTERVAL_SECONDS
    await trust.caller_of(trust.token())

    trust.is_down = True
    trust.passed += SOFT_TTL_SECONDS + 1
    assert (await trust.caller_of(trust.token(exp=trust.began + 9999))).name == "monitor"


async def test_nobody_waits_for_an_issuer_that_was_out_of_reach(trust: Trust) -> None:
    """Except one at a time: a waiting request occupies a connection and is not counted yet."""
    trust.is_down = True
    assert await trust.rejection(trust.token()) is RejectionReason.ISSUER_UNAVAILABLE
    trust.passed += MIN_FETCH_INTERVAL_SECONDS
    began, end = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        end.wait(30)

    trust.on_fetch = hang
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(trust.rejection, trust.token())
        await anyio.to_thread.run_sync(began.wait, 30)
        try:
            with anyio.fail_after(10):
                assert await trust.rejection(trust.token()) is RejectionReason.ISSUER_UNAVAILABLE
        finally:
            end.set()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", {"issuer": "https://another.example"}),
        ("/.well-known/openid-configuration", {"issuer": "https://issuer.example/tenant"}),
        (
            "/.well-known/openid-configuration",
            {"issuer": "https://issuer.example/tenant", "jwks_uri": "http://issuer.example/keys"},
        ),
        ("/.well-known/openid-configuration", ["issuer"]),
        ("/keys", {"keys": []}),
        ("/keys", {"keys": {}}),
        ("/keys", {}),
        ("/keys", {"keys": [5, "x", None, {}, {"kty": "RSA"}, {"kty": "new"}, {"kty": "EC"}]}),
    ],
)
async def test_an_issuer_that_makes_no_sense_is_not_believed(
    trust: Trust, path: str, answer: Any
) -> None:
    trust.oidc.answers[path] = (200, json.dumps(answer).encode())

    assert await trust.rejection(trust.token()) is RejectionReason.ISSUER_UNAVAILABLE


async def test_keys_that_are_weak_or_unheard_of_do_not_spoil_the_others(trust: Trust) -> None:
    weak = SigningKey("weak", "RS256", rsa.generate_private_key(65537, 1024))  # noqa: S505
    good = trust.oidc.keys[0]
    entries = [{"kty": "AKP", "kid": "new"}, weak.jwk, good.jwk]
    trust.oidc.answers["/keys"] = (200, json.dumps({"keys": entries}).encode())

    assert (await trust.caller_of(signed(trust.oidc.claims(), good))).name == "monitor"
    assert await trust.rejection(signed(trust.oidc.claims(), weak)) is RejectionReason.UNKNOWN_KEY


async def test_a_token_is_verified_once_and_known_until_it_expires(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = trust.token(exp=trust.began + 60)
    assert trust.tokens.lookup(token) is None
    caller = await trust.caller_of(token)
    monkeypatch.setattr("app.auth.jwt.jws.validate_compact", None)

    trust.passed = 59
    assert trust.tokens.lookup(token) is caller
    assert trust.tokens.has(caller)
    assert trust.tokens.lookup(token + "A") is None
    trust.passed = 60
    assert trust.tokens.lookup(token) is None
    assert not trust.tokens.has(caller)


async def test_not_all_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwt, "MAX_CACHED", 3)
    trust = Trust()
    tokens = [trust.token(jti=str(number)) for number in range(5)]
    for token in tokens:
        await trust.caller_of(token)

    assert [trust.tokens.lookup(token) is not None for token in tokens] == [False] * 2 + [True] * 3


async def test_names_are_fit_for_a_log(trust: Trust) -> None:
    caller = await trust.caller_of(trust.token(sub="a\r\nb\x1b[31m" + "c" * 500))

    assert caller.name.isprintable()
    assert caller.name.startswith("ab[31mccc")
    assert len(caller.name) == 128
    unnamed = await trust.caller_of(trust.token(sub=None, azp="gateway"))
    assert (unnamed.name, unnamed.credential) == ("gateway", "")
