"""Compares a template with one in which parameters are replaced by values."""

from __future__ import annotations

import re
from typing import Any

Values = dict[str, Any]


def given(values: Values, node: Any) -> Any:
    """A part of a template with the parameters that are given replaced by their values, and functions of texts alone carried
    out, as CloudFormation does with parameters."""
    if isinstance(node, list):
        return [given(values, each) for each in node]
    if not isinstance(node, dict):
        # CloudFormation takes a number or a truth value as a text, too.
        return str(node) if isinstance(node, int | float) and not isinstance(node, bool) else node
    folded = {key: given(values, each) for key, each in node.items()}
    if len(folded) != 1:
        return folded
    [(function, of)] = folded.items()
    match function, of:
        case "Ref", name if name in values:
            return values[name]
        case "Fn::GetAtt", str():
            return {function: of.split(".", 1)}
        case "Fn::Join", [separator, [*parts]] if _are_texts(parts):
            return separator.join(parts)
        case "Fn::Split", [separator, str() as text]:
            return text.split(separator)
        case "Fn::Select", [index, [*parts]]:
            return parts[int(index)]
        case "Fn::Sub", _:
            return _substituted(values, of)
    return folded


def _substituted(values: Values, of: Any) -> Any:
    text, own = of if isinstance(of, list) else (of, {})
    known = {name: value for name, value in (values | own).items() if isinstance(value, str)}
    text = re.sub(r"\$\{([^!}]+)\}", lambda found: known.get(found[1], found[0]), text)
    left = {name: value for name, value in own.items() if name not in known}
    if left:
        return {"Fn::Sub": [text, left]}
    return {"Fn::Sub": text} if "${" in text else text


def _are_texts(parts: list[Any]) -> bool:
    return all(isinstance(part, str) for part in parts)
