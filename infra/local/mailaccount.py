"""The account of the local stack's SES: out of the sandbox, with every identity verified, unless a request of SES's API
changes that."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import unquote

from web import Application, Request, Response, json_response

# What SES gives an account with production access to begin with.
MAILS_IN_A_DAY = 50_000.0


class MailAccount:
    """SES's actions on the account, on identities and on configuration sets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._has_production_access = True
        # Every identity is known, but those that were deleted.
        self._deleted: set[str] = set()

    def add_routes(self, application: Application) -> None:
        """Adds the routes of these actions."""
        identity = "/v2/email/identities/(?P<identity>[^/]+)"
        application.route("GET", "/v2/email/account", self.get_account)
        application.route("POST", "/v2/email/account/details", self.put_account_details)
        application.route("POST", "/v2/email/identities", self.create_identity)
        application.route("GET", identity, self.get_identity)
        application.route("DELETE", identity, self.delete_identity)
        application.route("GET", "/v2/email/configuration-sets/(?P<name>[^/]+)", _get_configuration_set)

    def get_account(self, _request: Request) -> Response:
        """SES v2 GetAccount."""
        with self._lock:
            production = self._has_production_access
        quota = {"Max24HourSend": MAILS_IN_A_DAY if production else 200.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0}
        account = {"ProductionAccessEnabled": production, "SendingEnabled": True, "EnforcementStatus": "HEALTHY"}
        return json_response({**account, "SendQuota": quota})

    def put_account_details(self, request: Request) -> Response:
        """SES v2 PutAccountDetails, of which only the production access counts."""
        with self._lock:
            self._has_production_access = request.json_object().get("ProductionAccessEnabled") is True
        return json_response({})

    def create_identity(self, request: Request) -> Response:
        """SES v2 CreateEmailIdentity."""
        identity = request.json_object().get("EmailIdentity")
        if not isinstance(identity, str) or not identity:
            return error(400, "BadRequestException", "EmailIdentity is missing")
        with self._lock:
            self._deleted.discard(identity)
        return json_response(_identity(identity))

    def get_identity(self, request: Request) -> Response:
        """SES v2 GetEmailIdentity."""
        identity = unquote(request.match["identity"])
        with self._lock:
            if identity in self._deleted:
                return error(404, "NotFoundException", f"Email identity {identity} does not exist.")
        return json_response({**_identity(identity), "VerificationStatus": "SUCCESS"})

    def delete_identity(self, request: Request) -> Response:
        """SES v2 DeleteEmailIdentity."""
        with self._lock:
            self._deleted.add(unquote(request.match["identity"]))
        return json_response({})


def error(status: int, kind: str, message: str) -> Response:
    """An error in the form of AWS's REST JSON protocol."""
    return json_response({"message": message}, status, {"x-amzn-ErrorType": kind})


def _identity(identity: str) -> dict[str, Any]:
    kind = "EMAIL_ADDRESS" if "@" in identity else "DOMAIN"
    return {"IdentityType": kind, "VerifiedForSendingStatus": True}


def _get_configuration_set(request: Request) -> Response:
    return json_response({"ConfigurationSetName": unquote(request.match["name"]), "SendingOptions": {"SendingEnabled": True}})
