"""An issuer with the authorization code flow and PKCE (RFC 6749, RFC 7636), for one browser."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.auth.oidc import AUDIENCE, Oidc


CLIENT_ID = "console"
CODE = "the-code"


@dataclass
class CodeFlow:
    """An issuer that signs everybody in at once.

    Attributes:
        oidc: what signs.
        scope: the scopes of its tokens.
        seconds: how long its tokens last.
        error: what the issuer returns instead of a code.
        authorizations: the parameters of each request for a code.
        rejected: why requests for a token were rejected.
    """

    oidc: Oidc
    scope: str = "sa:read events:read diagnostics:read metrics:read"
    seconds: int = 600
    error: str | None = None
    authorizations: list[dict[str, str]] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a server whose console is a client of this issuer."""
        return {
            "oidc_issuer": self.oidc.url,
            "oidc_audience": AUDIENCE,
            "console_client_id": CLIENT_ID,
        }

    def document(self) -> dict[str, object]:
        """Return the discovery document."""
        url = self.oidc.url
        return {
            "issuer": url,
            "jwks_uri": f"{url}/keys",
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": [self.oidc.keys[-1].alg],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return the URL to which the browser goes back."""
        self.authorizations.append(query)
        answer = {"code": CODE} if self.error is None else {"error": self.error}
        return f"{query['redirect_uri']}?{urlencode({**answer, 'state': query['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, object] | None:
        """Return the tokens for a code; None: the request is not the one that was authorized."""
        asked = self.authorizations[-1]
        challenge = sha256(form.get("code_verifier", "").encode()).digest()
        wrong = {
            "grant": form.get("grant_type") != "authorization_code",
            "code": form.get("code") != CODE,
            "client": form.get("client_id") != asked["client_id"],
            "redirect": form.get("redirect_uri") != asked["redirect_uri"],
            "verifier": urlsafe_b64encode(challenge).rstrip(b"=").decode()
            != asked["code_challenge"],
        }
        self.rejected += [name for name, is_wrong in wrong.items() if is_wrong]
        if any(wrong.values()):
            return None
        claims = {"aud": CLIENT_ID, "nonce": asked["nonce"], "scope": None}
        return {
            "token_type": "Bearer",
            "expires_in": self.seconds,
            "access_token": self.oidc.token(scope=self.scope),
            "id_token": self.oidc.token(**claims),
        }


@contextmanager
def signing_in() -> Iterator[CodeFlow]:
    """Run such an issuer until the end of the block."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", flow.authorize(dict(parse_qsl(url.query))))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif url.path == "/.well-known/openid-configuration":
                self._send(200, flow.document())
            else:
                status, body = flow.oidc.answer(url.path)
                self._send(status, json.loads(body))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            tokens = flow.token(dict(parse_qsl(self.rfile.read(length).decode())))
            self._send(*((200, tokens) if tokens else (400, {"error": "invalid_grant"})))

        def _send(self, status: int, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its own name
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        flow = CodeFlow(Oidc(f"http://127.0.0.1:{server.server_port}"))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield flow
        finally:
            server.shutdown()
            thread.join()
