"""Sample people for the development issuer's sign-in page and the demo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """A person who can sign in; `grants` is the token's `scope`."""

    sub: str
    name: str
    email: str
    grants: str
    about: str


ANA = Person("u-17", "Ana Sousa", "ana@example.com", "project:42", "Owns project 42")
BRUNO = Person("u-18", "Bruno Keller", "bruno@example.com", "project:43", "Owns project 43, another one")
STAFF = Person("u-1", "Yuki Tanaka", "yuki@example.com", "staff", "Staff: sees every export, and no file")

PEOPLE = (
    ANA,
    BRUNO,
    Person("u-21", "Chidi Okafor", "chidi@example.com", "organization:acme", "Administers the organization acme"),
    STAFF,
    Person("u-30", "Dana Levi", "dana@example.com", "", "Signed in, without any grant"),
)


def find(sub: str) -> Person | None:
    """The sample person with this id."""
    return next((person for person in PEOPLE if person.sub == sub), None)
