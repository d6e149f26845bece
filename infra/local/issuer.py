"""The local stack's OpenID Connect issuer, for development and tests. It is never deployed.

Anyone who reaches it can be anyone: it has sample people instead of passwords, and mints any token.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import people
from authorization import AuthorizationRequest, Codes, OAuthError, Unreturnable, checked_redirect, returned
from people import Person
from signing import SigningKey
from web import Application, Html, HttpError, Request, Response, escape, json_response, page, serve, single_values

TOKEN_SECONDS = 3600
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Max-Age": "600",
}
TOKEN_FIELDS = {"sub": str, "name": str, "email": str, "grants": str, "expires_in": int, "audience": str, "claims": dict}


class Issuer:
    """The issuer's routes."""

    def __init__(self, url: str, audience: str, key: SigningKey, state: Path | None = None) -> None:
        self._url = url
        # The folder with the people of the stack, who may come while the issuer runs.
        self._state = state
        # One client: the page. Its id is the audience, unless the template has another.
        self._audience = audience
        self._key = key
        self._codes = Codes()

    def application(self) -> Application:
        """Adds the routes of the issuer."""
        application = Application()
        application.route("GET", "/", lambda _: page("issuer"))
        public = "/\\.well-known/openid-configuration|/jwks\\.json|/token"
        application.route("OPTIONS", public, lambda _: Response(204, headers=CORS))
        application.route("GET", "/\\.well-known/openid-configuration", self.discovery)
        application.route("GET", "/jwks\\.json", lambda _: json_response(self._key.jwks(), headers=CORS))
        application.route("GET", "/authorize", self.authorize)
        application.route("POST", "/authorize", self.signed_in)
        application.route("POST", "/token", self.token)
        application.route("POST", "/dev/token", self.dev_token)
        return application

    def discovery(self, _request: Request) -> Response:
        """OpenID Connect Discovery 1.0, section 3."""
        document = {
            "issuer": self._url,
            "authorization_endpoint": f"{self._url}/authorize",
            "token_endpoint": f"{self._url}/token",
            "jwks_uri": f"{self._url}/jwks.json",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email"],
            "claims_supported": ["sub", "name", "email", "email_verified", "locale", "scope"],
            "authorization_response_iss_parameter_supported": True,
        }
        return json_response(document, headers=CORS)

    def authorize(self, request: Request) -> Response:
        """The sign-in page."""
        fields = single_values(request.query)
        checked = self._checked(fields)
        if isinstance(checked, Response):
            return checked

        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in fields.items()
            if name not in ("person", "name", "email", "grants", "locale")
        )
        buttons = "".join(
            f'<button class="person" name="person" value="{escape(person.sub)}"><b>{escape(person.name)}</b>'
            f"<span>{escape(person.about)}</span><code>{escape(person.grants or 'no grants')}</code></button>"
            for person in self._people()
        )
        url = urlsplit(checked.redirect_uri)
        return page(
            "signin",
            # Chromium applies this rule also to the redirect after the form.
            policy=f"form-action 'self' {url.scheme}://{url.netloc}",
            host=url.netloc,
            hidden=Html(hidden),
            people=Html(buttons),
        )

    def signed_in(self, request: Request) -> Response:
        """Redirects back to the client with a code for the chosen person."""
        fields = request.form()
        checked = self._checked(fields)
        if isinstance(checked, Response):
            return checked
        person = _chosen(fields, self._people())
        code = self._codes.issue(checked, person)
        location = returned(checked.redirect_uri, code=code, state=checked.state, iss=self._url)
        return Response(303, headers={"Location": location, "Cache-Control": "no-store"})

    def token(self, request: Request) -> Response:
        """Exchanges a code for tokens (RFC 6749, section 4.1.3)."""
        try:
            if request.media_type() != "application/x-www-form-urlencoded":
                raise OAuthError("invalid_request", "the body must be application/x-www-form-urlencoded")
            fields = _form(request)
            if fields.get("grant_type") != "authorization_code":
                raise OAuthError("unsupported_grant_type", "grant_type must be authorization_code")
            asked, person = self._codes.redeem(fields)
        except OAuthError as error:
            body = {"error": error.code, "error_description": error.description}
            return json_response(body, 400, CORS)

        answer: dict[str, Any] = {
            "access_token": self._key.sign(self._claims(person, TOKEN_SECONDS, self._audience), "at+jwt"),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": person.grants,
        }
        if "openid" in asked.scope.split():
            claims = self._claims(person, TOKEN_SECONDS, asked.client_id)
            del claims["scope"]
            if asked.nonce:
                claims["nonce"] = asked.nonce
            answer["id_token"] = self._key.sign(claims, "JWT")
        return json_response(answer, headers=CORS)

    def dev_token(self, request: Request) -> Response:
        """Issues any token, for tests and the command line; `claims` replaces claims, and null removes one."""
        if request.media_type() != "application/json":
            raise HttpError(415, "send application/json")
        fields = request.json_object()
        for name, value in fields.items():
            kind = TOKEN_FIELDS.get(name)
            if kind is None:
                raise HttpError(400, f"{name} is unknown; known are {', '.join(TOKEN_FIELDS)}")
            if not isinstance(value, kind) or isinstance(value, bool):
                raise HttpError(400, f"{name} must be {_json_name(kind)}")
        person = Person(
            fields.get("sub", people.ANA.sub),
            fields.get("name", people.ANA.name),
            fields.get("email", people.ANA.email),
            fields.get("grants", ""),
            "",
        )
        claims = self._claims(person, fields.get("expires_in", TOKEN_SECONDS), fields.get("audience", self._audience))
        claims |= fields.get("claims", {})
        present = {name: value for name, value in claims.items() if value is not None}
        try:
            token = self._key.sign(present, "at+jwt")
        except TypeError as error:
            raise HttpError(400, f"these claims cannot be signed: {error}") from None
        return json_response({"access_token": token})

    def _checked(self, fields: dict[str, str]) -> AuthorizationRequest | Response:
        try:
            return AuthorizationRequest.parse(fields, self._audience)
        except Unreturnable as error:
            return page("problem", 400, detail=str(error))
        except OAuthError as error:
            location = returned(
                checked_redirect(fields, self._audience),
                error=error.code,
                error_description=error.description,
                state=fields.get("state", ""),
                iss=self._url,
            )
            return Response(303, headers={"Location": location, "Cache-Control": "no-store"})

    def _people(self) -> tuple[Person, ...]:
        return people.of(self._state) if self._state else people.PEOPLE

    def _claims(self, person: Person, seconds: int, audience: str) -> dict[str, Any]:
        now = int(time.time())
        of_locale = {"locale": person.locale} if person.locale else {}
        return {
            **of_locale,
            "iss": self._url,
            "aud": audience,
            "sub": person.sub,
            "name": person.name,
            "email": person.email,
            "email_verified": True,
            "scope": person.grants,
            "iat": min(now, now + seconds),
            "exp": now + seconds,
        }


def _chosen(fields: dict[str, str], among: tuple[Person, ...]) -> Person:
    if fields.get("person") != "other":
        person = people.find(fields.get("person", ""), among)
        if person is None:
            raise HttpError(400, "choose one of the people")
        return person
    email = fields.get("email", "").strip()
    name = fields.get("name", "").strip()
    if not email or not name:
        raise HttpError(400, "give a name and an address")
    locale = fields.get("locale", "").strip() or None
    return Person(f"dev|{email}", name, email, " ".join(fields.get("grants", "").split()), "", locale)


def _form(request: Request) -> dict[str, str]:
    try:
        return request.form()
    except HttpError as error:
        raise OAuthError("invalid_request", error.detail) from None


def _json_name(kind: type) -> str:
    return {str: "a string", int: "an integer", dict: "an object"}[kind]


def main() -> None:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(description="Development OpenID Connect issuer on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the key")
    parser.add_argument("--audience", default="waybill", help="the tokens' audience, and the page's client_id")
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    key = SigningKey.load_or_create(options.state)
    issuer = Issuer(f"http://localhost:{options.port}", options.audience, key, options.state)
    serve(issuer.application(), "issuer", options.port)


if __name__ == "__main__":
    main()
