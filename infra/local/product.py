"""A sample product with cookies and no tokens: its backend opens a session of Waybill for the person of the cookie."""

from __future__ import annotations

import argparse
import json
import re
import secrets
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote

import people
from client import ClientError, ask, expect
from web import Application, Html, HttpError, Request, Response, escape, json_response, page, serve, single_values

COOKIE = "signed_in"
# A path of this product or of Waybill's page: never another server (`//host`, `/\\host`) or another header.
OWN_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/?&=._~%:|+-]*")


class Product:
    """The product. `settings` is a file with the API's URL and an API key, which a real product has among its secrets."""

    def __init__(self, settings: Path) -> None:
        self._settings = settings
        self._signed_in: dict[str, people.Person] = {}

    def home(self, request: Request) -> Response:
        """A list of exports and a button, for who is signed in."""
        person, (api, _) = self._person(request), self._waybill()
        if person is None:
            return self._sign_in_page("/")
        parent = person.grants.split()[0]
        policy = f"script-src 'self' {api}; style-src-elem 'self' 'unsafe-inline' {api}; connect-src 'self' {api}; form-action 'self'"
        return page("product", policy=policy, person=person.name, api=api, parent=parent)

    def sign_in(self, request: Request) -> Response:
        """Signs in whom the form names, who comes from the product's own page."""
        _require_own_page(request)
        form = request.form()
        person = people.find(form.get("person", ""))
        return_to = form.get("return_to", "/")
        if person is None or not OWN_PATH.fullmatch(return_to):
            raise HttpError(400, "choose one of the people")
        ticket = secrets.token_urlsafe()
        self._signed_in[ticket] = person
        return _redirect(return_to, {"Set-Cookie": f"{COOKIE}={ticket}; Path=/; HttpOnly; SameSite=Lax"})

    def token(self, request: Request) -> Response:
        """The token of a session, for the elements in the product's own pages."""
        _require_own_page(request)
        return json_response({"token": self._session(self._person(request), "/")["token"]})

    def sign_out(self, request: Request) -> Response:
        """Forgets who is signed in. Sessions of Waybill end by themselves, within their minutes."""
        _require_own_page(request)
        self._signed_in.pop(_ticket(request), None)
        return _redirect("/", {"Set-Cookie": f"{COOKIE}=; Path=/; Max-Age=0"})

    def exports(self, request: Request) -> Response:
        """Sends the person to Waybill's page with a session: the parameter `SignInUrl` names this address."""
        path = single_values(request.query).get("return_to", "/")
        if not OWN_PATH.fullmatch(path):
            path = "/"
        person = self._person(request)
        if person is None:
            return self._sign_in_page(f"/exports?return_to={quote(path)}")
        try:
            return _redirect(self._session(person, path)["url"])
        except ClientError:
            # Waybill's page has no such view.
            return _redirect(self._session(person, "/")["url"])

    def _session(self, person: people.Person | None, path: str) -> dict[str, str]:
        if person is None:
            raise HttpError(401, "sign in first")
        api, key = self._waybill()
        user = {"id": person.sub, "name": person.name, "email": person.email}
        asked = {"user": user, "grants": person.grants.split(), "minutes": 15, "path": path}
        return dict(expect("opening a session", ask("POST", f"{api}/v1/sessions", key, asked), 201).json())

    def _person(self, request: Request) -> people.Person | None:
        return self._signed_in.get(_ticket(request))

    def _waybill(self) -> tuple[str, str]:
        settings = json.loads(self._settings.read_text("utf-8"))
        return settings["api_url"], settings["key"]

    def _sign_in_page(self, return_to: str) -> Response:
        buttons = [
            f'<button class="person" name="person" value="{escape(person.sub)}"><b>{escape(person.name)}</b><span>{escape(person.about)}</span></button>'
            for person in people.PEOPLE
            if person.grants.startswith("project:")
        ]
        # A form whose answer redirects to Waybill's page needs that origin, too.
        policy = f"form-action 'self' {self._waybill()[0]}"
        return page("product-signin", policy=policy, return_to=return_to, people=Html("".join(buttons)))


def _ticket(request: Request) -> str:
    cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    return cookie.value if cookie else ""


def _require_own_page(request: Request) -> None:
    """Refuses a form or a call of another site's page (login CSRF), which browsers name as such."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HttpError(403, "this is for the product's own pages")


def _redirect(url: str, headers: dict[str, str] | None = None) -> Response:
    return Response(303, headers={"Location": url, "Cache-Control": "no-store", **(headers or {})})


def main() -> None:
    """Serves the product until it is stopped."""
    parser = argparse.ArgumentParser(description="A sample product with cookies, on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--settings", type=Path, required=True, help="JSON with api_url and key")
    options = parser.parse_args()
    product, application = Product(options.settings), Application()
    script = Path(__file__).with_name("pages") / "product.js"
    application.route("GET", "/", product.home)
    application.route("GET", "/product.js", lambda _: Response(body=script.read_bytes(), content_type="text/javascript"))
    application.route("POST", "/sign-in", product.sign_in)
    application.route("POST", "/sign-out", product.sign_out)
    application.route("POST", "/exports-token", product.token)
    application.route("GET", "/exports", product.exports)
    serve(application, "product", options.port)


if __name__ == "__main__":
    main()
