"""The authorization code flow with PKCE: what the issuer accepts, and its one-time codes.

Rules are those of RFC 6749 (OAuth 2.0), RFC 7636 (PKCE) and OpenID Connect Core.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from people import Person
from web import LOOPBACK

CODE_SECONDS = 60
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class OAuthError(Exception):
    """An error in OAuth's own words; `code` is from RFC 6749, 4.1.2.1 and 5.2."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class Unreturnable(Exception):
    """A request with a wrong client or redirect address: the user sees an error and is not redirected."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked request to `/authorize`."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    state: str
    nonce: str

    @classmethod
    def parse(cls, fields: dict[str, str], client_id: str) -> AuthorizationRequest:
        """Checks `fields`; raises `Unreturnable`, or `OAuthError` for errors that are returned to the client."""
        redirect_uri = checked_redirect(fields, client_id)
        if fields.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code")
        if fields.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method must be S256")
        challenge = fields.get("code_challenge", "")
        if not CHALLENGE.fullmatch(challenge):
            raise OAuthError("invalid_request", "code_challenge must be a SHA-256 in base64url, 43 characters")
        if "none" in fields.get("prompt", "").split():
            raise OAuthError("login_required", "this issuer keeps no session: the person must be asked")
        return cls(
            client_id,
            redirect_uri,
            challenge,
            fields.get("scope", ""),
            fields.get("state", ""),
            fields.get("nonce", ""),
        )


def checked_redirect(fields: dict[str, str], client_id: str) -> str:
    """The redirect address; raises `Unreturnable` unless client and address are valid."""
    if fields.get("client_id") != client_id:
        raise Unreturnable(f"client_id must be {client_id}")
    redirect_uri = fields.get("redirect_uri", "")
    try:
        url = urlsplit(redirect_uri)
        _ = url.port
    except ValueError:
        raise Unreturnable("redirect_uri is not a URL") from None
    if url.scheme not in ("http", "https") or not LOOPBACK.fullmatch(url.hostname or ""):
        raise Unreturnable("redirect_uri must be an http address on this machine (localhost or 127.0.0.1)")
    # Browsers parse signs, spaces and backslashes differently than `urlsplit`.
    if url.username is not None or "#" in redirect_uri or re.search(r"[\s\\\x00-\x1f\x7f-\U0010ffff]", redirect_uri):
        raise Unreturnable("redirect_uri must have no user, no fragment and only plain characters")
    return redirect_uri


def returned(redirect_uri: str, **fields: str) -> str:
    """`redirect_uri` with the fields of the answer; empty ones are left out."""
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{query}"


@dataclass(frozen=True)
class _Issued:
    request: AuthorizationRequest
    person: Person
    until: float


class Codes:
    """Authorization codes: each is valid once, for `CODE_SECONDS`, with its verifier."""

    def __init__(self) -> None:
        self._issued: dict[str, _Issued] = {}
        self._lock = threading.Lock()

    def issue(self, request: AuthorizationRequest, person: Person) -> str:
        """Creates a code for `person`."""
        code = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._lock:
            self._issued = {key: kept for key, kept in self._issued.items() if kept.until > now}
            self._issued[code] = _Issued(request, person, now + CODE_SECONDS)
        return code

    def redeem(self, fields: dict[str, str]) -> tuple[AuthorizationRequest, Person]:
        """Redeems a code; raises `OAuthError`. The code becomes invalid in either case."""
        for name in ("code", "redirect_uri", "client_id", "code_verifier"):
            if not fields.get(name):
                raise OAuthError("invalid_request", f"{name} is missing")
        with self._lock:
            issued = self._issued.pop(fields["code"], None)
        if issued is None or issued.until <= time.monotonic():
            raise OAuthError("invalid_grant", "the code is unknown, used or older than a minute")
        if fields["client_id"] != issued.request.client_id:
            raise OAuthError("invalid_client", "client_id is not the one that the code was issued to")
        if fields["redirect_uri"] != issued.request.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is not the one that the code was issued for")
        if not verifies(fields["code_verifier"], issued.request.code_challenge):
            raise OAuthError("invalid_grant", "code_verifier does not match code_challenge")
        return issued.request, issued.person


def verifies(verifier: str, challenge: str) -> bool:
    """Whether `challenge` is the S256 challenge of `verifier` (RFC 7636, section 4.6)."""
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest.decode(), challenge)
