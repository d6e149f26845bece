"""Sample people for the development issuer's sign-in page and the demo."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Person:
    """A person who can sign in; `grants` is the token's `scope`, `locale` its claim of that name, if any."""

    sub: str
    name: str
    email: str
    grants: str
    about: str
    locale: str | None = None


ANA = Person("u-17", "Ana Sousa", "ana@example.com", "project:42", "Owns project 42")
BRUNO = Person("u-18", "Bruno Keller", "bruno@example.com", "project:43", "Owns project 43, another one")
STAFF = Person("u-1", "Yuki Tanaka", "yuki@example.com", "staff", "Staff: sees every export, and no file")

PEOPLE: tuple[Person, ...] = (
    ANA,
    BRUNO,
    Person("u-21", "Chidi Okafor", "chidi@example.com", "organization:acme", "Administers the organization acme"),
    STAFF,
    Person("u-30", "Dana Levi", "dana@example.com", "", "Signed in, without any grant"),
)



def find(sub: str, among: tuple[Person, ...] = PEOPLE) -> Person | None:
    """The person with this id."""
    return next((person for person in among if person.sub == sub), None)


# The people of one stack, in the folder of its issuer.
FILE = "people.json"


def of(folder: Path) -> tuple[Person, ...]:
    """The people of the issuer with this folder: those of the stack, or else the sample people, whose parents it has."""
    file = folder / FILE
    own = json.loads(file.read_text("utf-8")) if file.exists() else []
    return tuple(Person(**fields) for fields in own) or PEOPLE


def write(folder: Path, own: list[Person]) -> None:
    """Gives the issuer with this folder its own people."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps([asdict(person) for person in own]))
