"""Tests of the issuer over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import authorization
from issuer import Issuer
from signing import KEY_FILE, SigningKey
from web import Response

URL = "http://localhost:1"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://abc.execute-api.localhost:4566/exports/1"
ASKED = {
    "response_type": "code",
    "client_id": "waybill",
    "redirect_uri": REDIRECT,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "scope": "openid",
    "state": "s&=",
    "nonce": "n",
}


class IssuerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.state = tempfile.TemporaryDirectory()
        cls.key = SigningKey.load_or_create(Path(cls.state.name))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.state.cleanup()

    def setUp(self) -> None:
        self.application = Issuer(URL, "waybill", self.key).application()

    def call(self, method: str, target: str, form: dict[str, str] | None = None, host: str = "localhost:1") -> Response:
        headers = {"host": host, "content-type": "application/x-www-form-urlencoded"}
        return self.application.answer(method, target, headers, urlencode(form or {}).encode())

    def json(self, response: Response) -> dict:
        return json.loads(response.body)

    def code(self, **changes: str) -> str:
        response = self.call("POST", "/authorize", {**ASKED, "person": "u-17", **changes})
        self.assertEqual(response.status, 303)
        answer = parse_qs(urlsplit(response.headers["Location"]).query)
        self.assertEqual(answer["state"], ["s&="])
        self.assertEqual(answer["iss"], [URL])
        return answer["code"][0]

    def redeem(self, code: str, **changes: str) -> Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "client_id": "waybill",
            "code_verifier": VERIFIER,
        }
        return self.call("POST", "/token", {**form, **changes})

    def verified(self, token: str, audience: str = "waybill") -> dict:
        keys = jwt.PyJWKSet.from_dict(self.json(self.call("GET", "/jwks.json")))
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=URL)

    def test_code_flow_gives_a_token_that_its_published_key_verifies(self) -> None:
        answer = self.redeem(self.code())
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        claims = self.verified(self.json(answer)["access_token"])
        self.assertEqual((claims["sub"], claims["name"], claims["scope"]), ("u-17", "Ana Sousa", "project:42"))
        self.assertIs(claims["email_verified"], True)
        self.assertEqual(self.verified(self.json(answer)["id_token"])["nonce"], "n")

    def test_a_code_is_valid_once(self) -> None:
        code = self.code()
        self.assertEqual(self.redeem(code).status, 200)
        self.assertEqual(self.json(self.redeem(code))["error"], "invalid_grant")

    def test_a_wrong_verifier_is_refused_and_invalidates_the_code(self) -> None:
        code = self.code()
        refused = self.redeem(code, code_verifier="w" * 43)
        self.assertEqual((refused.status, self.json(refused)["error"]), (400, "invalid_grant"))
        self.assertEqual(self.redeem(code).status, 400)

    def test_a_code_ends_after_a_minute(self) -> None:
        code = self.code()
        later = time.monotonic() + authorization.CODE_SECONDS
        with mock.patch("authorization.time.monotonic", return_value=later):
            self.assertEqual(self.json(self.redeem(code))["error"], "invalid_grant")

    def test_another_redirect_address_or_client_is_refused(self) -> None:
        self.assertEqual(self.json(self.redeem(self.code(), redirect_uri="http://localhost/x"))["error"], "invalid_grant")
        self.assertEqual(self.json(self.redeem(self.code(), client_id="other"))["error"], "invalid_client")

    def test_addresses_beyond_this_machine_are_never_redirected_to(self) -> None:
        for address in (
            "https://evil.example/",
            "http://localhost.evil.example/",
            "http://evil.example\\@localhost/",
            "http://localhost@evil.example/",
            "http://user@localhost/",
            "javascript:alert(1)",
            "http://localhost/#x",
            "http://localhost:x/",
            "",
        ):
            for method in ("GET", "POST"):
                with self.subTest(address=address, method=method):
                    fields = {**ASKED, "redirect_uri": address, "person": "u-17"}
                    target = f"/authorize?{urlencode(fields)}" if method == "GET" else "/authorize"
                    response = self.call(method, target, fields)
                    self.assertEqual(response.status, 400)
                    self.assertNotIn("Location", response.headers)

    def test_errors_of_the_client_are_returned_to_it(self) -> None:
        for changes, error in (
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
            ({"prompt": "none"}, "login_required"),
        ):
            with self.subTest(error=error):
                response = self.call("GET", f"/authorize?{urlencode({**ASKED, **changes})}")
                answer = parse_qs(urlsplit(response.headers["Location"]).query)
                self.assertEqual((answer["error"], answer["state"]), ([error], ["s&="]))

    def test_the_page_escapes_what_it_was_given(self) -> None:
        fields = {**ASKED, "state": '"><script>alert(1)</script>'}
        body = self.call("GET", f"/authorize?{urlencode(fields)}").body.decode()
        self.assertIn("Ana Sousa", body)
        self.assertNotIn("<script>", body)

    def test_only_loopback_names_are_answered(self) -> None:
        self.assertEqual(self.call("GET", "/jwks.json", host="evil.example").status, 421)
        self.assertEqual(self.call("GET", "/jwks.json", host="localhost.evil.example:1").status, 421)
        self.assertEqual(self.call("GET", "/jwks.json", host="127.0.0.1:1").status, 200)

    def dev(self, body: str) -> Response:
        headers = {"host": "localhost", "content-type": "application/json"}
        return self.application.answer("POST", "/dev/token", headers, body.encode())

    def test_dev_tokens_have_the_requested_claims(self) -> None:
        answer = self.dev('{"sub": "x", "grants": "project:1 staff", "audience": "a", "claims": {"role": "r", "email": null}}')
        claims = self.verified(self.json(answer)["access_token"], "a")
        self.assertEqual((claims["sub"], claims["scope"], claims["role"]), ("x", "project:1 staff", "r"))
        self.assertNotIn("email", claims)

    def test_a_dev_token_can_be_expired(self) -> None:
        token = self.json(self.dev('{"expires_in": -60}'))["access_token"]
        with self.assertRaises(jwt.ExpiredSignatureError):
            self.verified(token)

    def test_dev_tokens_refuse_unknown_fields(self) -> None:
        for body, words in (
            ('{"grant": "x"}', "grant is unknown"),
            ('{"expires_in": "1"}', "expires_in must be an integer"),
            ("[]", "must be a JSON object"),
            ("{", "is not JSON"),
        ):
            with self.subTest(body=body):
                answer = self.dev(body)
                self.assertEqual(answer.status, 400)
                self.assertIn(words, self.json(answer)["error"])

    def test_the_key_is_kept_and_private(self) -> None:
        again = SigningKey.load_or_create(Path(self.state.name))
        self.assertEqual(again.kid, self.key.kid)
        mode = (Path(self.state.name) / KEY_FILE).stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)


if __name__ == "__main__":
    unittest.main()
