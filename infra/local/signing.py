"""The development issuer's key, and signing of tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_FILE = "issuer-key.pem"
KEY_BITS = 2048


class SigningKey:
    """One RSA key, kept in the state folder, so that tokens outlive a restart."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self._public = {"kty": public["kty"], "n": public["n"], "e": public["e"]}
        self.kid = thumbprint(self._public)

    @classmethod
    def load_or_create(cls, state: Path) -> SigningKey:
        """The key in `state`, created by the first call, readable only by its owner."""
        path = state / KEY_FILE
        if not path.exists():
            _write_private(path, _generate())
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{path} is not an RSA key: remove it, and a new one is made")
        return cls(key)

    def jwks(self) -> dict[str, Any]:
        """The public half as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [{**self._public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def sign(self, claims: dict[str, Any], kind: str) -> str:
        """A JSON Web Token with `claims`; `kind` is its `typ`."""
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.kid, "typ": kind})


def thumbprint(public: dict[str, str]) -> str:
    """The key id: the thumbprint of the key (RFC 7638)."""
    canonical = json.dumps(public, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def _generate() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> None:
    # Written atomically: a truncated key would break every later start.
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    os.replace(part, path)
