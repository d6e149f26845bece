"""Checks an OpenAPI document, its examples and some real answers; reports all errors.

Reads `{"schema", "document", "answers": [{"method", "path", "status", "body"}]}` as JSON, with the schema of the
OpenAPI specification.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:document"


def main() -> None:
    asked = json.load(sys.stdin)
    document = asked["document"]
    for wrong in [*_form(asked["schema"], document), *_examples(document), *_answers(document, asked["answers"])]:
        print(wrong)


def _form(schema: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    """Checks that the document is OpenAPI 3.1, and that each of its schemas is a JSON Schema."""
    for error in Draft202012Validator(schema).iter_errors(document):
        yield f"{error.json_path}: {error.message}"
    for name, part in document["components"]["schemas"].items():
        for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(part):
            yield f"schema {name}, {error.json_path}: {error.message}"


def _examples(document: dict[str, Any]) -> Iterator[str]:
    """Checks that each body has an example that matches its schema."""
    bodies = [(f"response {name}", response) for name, response in document["components"]["responses"].items()]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            at = f"{method} {path}"
            if "requestBody" in operation:
                bodies.append((f"body of {at}", operation["requestBody"]))
            bodies += [(f"{status} of {at}", response) for status, response in operation["responses"].items()]
    for at, body in bodies:
        for content in body.get("content", {}).values():
            if "$ref" not in content["schema"]:
                continue
            if "example" not in content:
                yield f"{at} has no example"
            else:
                yield from _errors(document, content["schema"], content["example"], f"example of {at}")


def _answers(document: dict[str, Any], answers: list[dict[str, Any]]) -> Iterator[str]:
    for answer in answers:
        at = f"{answer['status']} of {answer['method']} {answer['path']}"
        response = document["paths"][answer["path"]][answer["method"]]["responses"].get(str(answer["status"]))
        if response is None:
            yield f"{at} is not documented"
            continue
        if "$ref" in response:
            response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        (content,) = response["content"].values()
        yield from _errors(document, content["schema"], answer["body"], at)


def _errors(document: dict[str, Any], schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    registry = Registry().with_resource(DOCUMENT, DRAFT202012.create_resource(document))
    absolute = {"$ref": f"{DOCUMENT}{schema['$ref']}"} if "$ref" in schema else schema
    for error in Draft202012Validator(absolute, registry=registry).iter_errors(value):
        yield f"{at}, {error.json_path}: {error.message}"


if __name__ == "__main__":
    main()
