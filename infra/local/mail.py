"""A mail as Amazon SES v2's SendEmail gives it, parsed into what the mailbox keeps.

Field names and limits are those of the SES API v2 reference, action SendEmail.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import hashlib
import re
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from typing import Any

MAX_RECIPIENTS = 50
MAX_MESSAGE_BYTES = 40 * 1024 * 1024
ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")


class BadRequest(Exception):
    """An invalid request: SES answers BadRequestException."""


def parse(request: dict[str, Any]) -> dict[str, Any]:
    """The mail of a SendEmail request; raises `BadRequest` with the error."""
    content = _object(request, "Content")
    destination = _object(request, "Destination")
    if "Simple" in content:
        mail = _simple(_object(content, "Simple"))
    elif "Raw" in content:
        mail = _raw(_object(content, "Raw"))
    else:
        raise BadRequest("Content must hold Simple or Raw: this mailbox has no templates")

    recipients = {name: _addresses(destination, f"{name}Addresses") for name in ("To", "Cc", "Bcc")}
    if not any(recipients.values()):
        recipients = {name: mail.pop(f"raw_{name}", []) for name in ("To", "Cc", "Bcc")}
    everyone = [address for group in recipients.values() for address in group]
    if not 1 <= len(everyone) <= MAX_RECIPIENTS:
        raise BadRequest(f"a mail has 1 to {MAX_RECIPIENTS} recipients, this one {len(everyone)}")

    sender = request.get("FromEmailAddress") or mail.pop("raw_From", "")
    if not isinstance(sender, str) or not is_address(sender):
        raise BadRequest("FromEmailAddress is not an address")
    for address in everyone:
        if not is_address(address):
            raise BadRequest("a recipient is not an address")

    return {
        "from": sender,
        "reply_to": _addresses(request, "ReplyToAddresses"),
        "to": recipients["To"],
        "cc": recipients["Cc"],
        "bcc": recipients["Bcc"],
        "tags": {tag.get("Name"): tag.get("Value") for tag in _objects(request, "EmailTags")},
        "configuration_set": request.get("ConfigurationSetName"),
        **{name: value for name, value in mail.items() if not name.startswith("raw_")},
    }


def is_address(text: str) -> bool:
    """Whether `text` is an address, with or without a display name."""
    return ADDRESS.fullmatch(parseaddr(text)[1]) is not None


def bare(address: str) -> str:
    """The address alone, in lower case: `ana@example.com` of `Ana <Ana@example.com>`."""
    return parseaddr(address)[1].lower()


def recipients(mail: dict[str, Any]) -> list[str]:
    """All recipients of a mail, with or without display names."""
    return [*mail["to"], *mail["cc"], *mail["bcc"]]


def mailbox_name(address: str) -> str:
    """The local part of an address, without a `+` suffix."""
    return address.partition("@")[0].partition("+")[0]


def _simple(message: dict[str, Any]) -> dict[str, Any]:
    body = _object(message, "Body")
    text, html = _data(body, "Text"), _data(body, "Html")
    if text is None and html is None:
        raise BadRequest("Body must hold Text or Html")
    subject = _data(message, "Subject")
    if subject is None:
        raise BadRequest("Subject is missing")
    attachments = [_attachment(attachment) for attachment in _objects(message, "Attachments")]
    length = len(text or "") + len(html or "") + sum(len(each["content"]) for each in attachments)
    _check_length(length)
    headers = [[header.get("Name", ""), header.get("Value", "")] for header in _objects(message, "Headers")]
    return {"subject": subject, "text": text, "html": html, "headers": headers, "attachments": attachments}


def _attachment(attachment: dict[str, Any]) -> dict[str, Any]:
    name = attachment.get("FileName")
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        raise BadRequest("an attachment's FileName has 1 to 255 characters")
    content = _decode(attachment.get("RawContent"), f"RawContent of {name}")
    kind = attachment.get("ContentType") or "application/octet-stream"
    return _kept(name, kind, content, attachment.get("ContentDisposition") or "ATTACHMENT")


def _kept(name: str, kind: str, content: bytes, disposition: str) -> dict[str, Any]:
    return {
        "name": name,
        "content_type": kind,
        "disposition": disposition,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": base64.b64encode(content).decode(),
    }


def _raw(raw: dict[str, Any]) -> dict[str, Any]:
    source = _decode(raw.get("Data"), "Raw.Data")
    _check_length(len(source))
    message = email.message_from_bytes(source, policy=email.policy.default)
    if not isinstance(message, EmailMessage):
        raise BadRequest("Raw.Data is not a mail")
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    attachments = []
    for number, part in enumerate(message.iter_attachments(), 1):
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            name = part.get_filename() or f"part-{number}"
            disposition = (part.get_content_disposition() or "attachment").upper()
            attachments.append(_kept(name, part.get_content_type(), content, disposition))
    addresses = {
        f"raw_{name}": [found for _, found in getaddresses(message.get_all(name, []))] for name in ("To", "Cc", "Bcc")
    }
    return {
        "subject": str(message.get("Subject", "")),
        "text": text.get_content() if text else None,
        "html": html.get_content() if html else None,
        "headers": [[name, str(value)] for name, value in message.items()],
        "attachments": attachments,
        "raw_From": str(message.get("From", "")),
        **addresses,
    }


def _check_length(length: int) -> None:
    if length > MAX_MESSAGE_BYTES:
        raise BadRequest(f"the message is longer than {MAX_MESSAGE_BYTES} bytes")


def _decode(value: object, name: str) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except binascii.Error:
        raise BadRequest(f"{name} is not base64") from None


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise BadRequest(f"{name} must be an object")
    return value


def _objects(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    values = parent.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise BadRequest(f"{name} must be a list of objects")
    return values


def _addresses(parent: dict[str, Any], name: str) -> list[str]:
    values = parent.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadRequest(f"{name} must be a list of addresses")
    return values


def _data(parent: dict[str, Any], name: str) -> str | None:
    if name not in parent:
        return None
    data = _object(parent, name).get("Data")
    if not isinstance(data, str):
        raise BadRequest(f"{name}.Data must be a string")
    return data
