"""The template of a release, made from that of the repository."""

from __future__ import annotations

import re

FUNCTIONS = ("api", "generate", "notify", "sweep")

_BUILT = "    CodeUri: .\n"
_METADATA = """\
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: {{Binary: {name}}}
    Properties:
"""
_ARCHITECTURE = re.compile(r"(  Architecture:\n    Type: String\n)    Default: \w+\n    AllowedValues: \[[^]]*\]\n    Description: [^\n]*\n")


def released(template: str, architecture: str, version: str) -> str:
    """The repository's template with the code of a release: each function's zip file is beside the template, the processor is
    that of the zip files, and nothing is left to build.

    Raises `ValueError` if the template has changed so that one of these is not found."""
    text = _replaced(template, _BUILT, "")
    for name in FUNCTIONS:
        text = _replaced(text, _METADATA.format(name=name), f"    Properties:\n      CodeUri: {name}.zip\n")
    text, found = _ARCHITECTURE.subn(
        rf"\1    Default: {architecture}\n    AllowedValues: [{architecture}]\n    Description: Processor of the functions, for which they are compiled.\n", text
    )
    if found != 1:
        raise ValueError("the template has no parameter Architecture as it was")
    return _replaced(text, "\nDescription: Waybill, ", f"\nDescription: Waybill {version}, ")


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the template has {text.count(old)} times, and not once:\n{old}")
    return text.replace(old, new)
