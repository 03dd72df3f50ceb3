"""Whether a presigned form may put its file: what S3 checks of a POST and moto does not.

Rules: Amazon S3 API reference, "Authenticating Requests: Browser-Based Uploads Using POST".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_SIGNED_BY_ITSELF = frozenset({"policy", "x-amz-signature", "file"})
"""Fields that no condition has to cover; neither those that begin with ``x-ignore-``."""


@dataclass(frozen=True)
class FormRefused(Exception):
    """S3's error."""

    code: str
    message: str
    status: int = 403


def check_form(
    fields: Mapping[str, str],
    size: int,
    bucket: str,
    *,
    secret_key: str,
    now: datetime | None = None,
) -> None:
    """Raise ``FormRefused`` unless the form's policy lets this file in.

    Parameters
    ----------
    fields
        Of the form, without the file; names in lower case.
    size
        Of the file, bytes.
    secret_key
        Of whom the form says it was signed by.
    """
    policy = _policy(fields, secret_key)
    expiration = datetime.fromisoformat(str(policy["expiration"]).replace("Z", "+00:00"))
    if (now or datetime.now(UTC)) > expiration:
        raise FormRefused("AccessDenied", "Invalid according to Policy: Policy expired.")
    given = {**fields, "bucket": bucket}
    covered = {"bucket"}
    for condition in policy.get("conditions", []):
        for kind, name, wanted in _parts(condition):
            if kind == "content-length-range":
                _check_size(size, *wanted)
                continue
            covered.add(name)
            found = given.get(name, "")
            fits = found == wanted if kind == "eq" else found.startswith(str(wanted))
            if not fits:
                raise FormRefused(
                    "AccessDenied",
                    f'Invalid according to Policy: Policy Condition failed: ["{kind}", "${name}", '
                    f'"{wanted}"]',
                )
    for name in fields:
        if name not in covered | _SIGNED_BY_ITSELF and not name.startswith("x-ignore-"):
            raise FormRefused(
                "AccessDenied",
                f"Invalid according to Policy: Extra input fields: {name}",
            )


def _policy(fields: Mapping[str, str], secret_key: str) -> dict[str, Any]:
    encoded, signature = fields.get("policy"), fields.get("x-amz-signature", "")
    if not encoded:
        raise FormRefused("AccessDenied", "Access Denied")
    credential = fields.get("x-amz-credential", "").split("/")
    if len(credential) != 5:
        raise FormRefused("AccessDenied", "The form names no credential.")
    key = f"AWS4{secret_key}".encode()
    for part in credential[1:]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, encoded.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise FormRefused(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )
    try:
        policy = json.loads(base64.b64decode(encoded))
    except (ValueError, binascii.Error) as error:
        raise FormRefused("InvalidPolicyDocument", "Invalid Policy", 400) from error
    if not isinstance(policy, dict) or "expiration" not in policy:
        raise FormRefused("InvalidPolicyDocument", "Invalid Policy", 400)
    return policy


def _parts(condition: Any) -> list[tuple[str, str, Any]]:
    """Kind, field and value of each thing a condition asks for."""
    if isinstance(condition, dict):
        return [("eq", name.lower(), str(value)) for name, value in condition.items()]
    kind, *rest = condition
    if kind == "content-length-range":
        return [(kind, "", [int(bound) for bound in rest])]
    return [(kind, str(rest[0]).removeprefix("$").lower(), str(rest[1]))]


def _check_size(size: int, least: int, most: int) -> None:
    if size > most:
        raise FormRefused(
            "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400
        )
    if size < least:
        raise FormRefused(
            "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400
        )
