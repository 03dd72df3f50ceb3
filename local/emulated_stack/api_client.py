"""A person at the REST API of the deployed stack: signs in as the command line does, and asks."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from emulated_stack.stack import EmulatedStack


class SignInFailed(Exception):
    """The user pool gave no token."""


@dataclass(frozen=True)
class Person:
    """An account of the user pool."""

    name: str
    organization: str
    group: str
    password: str


def create_person(stack: EmulatedStack, name: str, organization: str, group: str) -> Person:
    """Create an account as an administrator does, with a password of its own."""
    pool, cognito = stack.outputs["UserPoolId"], stack.client("cognito-idp")
    person = Person(name, organization, group, password=f"Aa1!{secrets.token_urlsafe(16)}")
    cognito.admin_create_user(
        UserPoolId=pool,
        Username=name,
        MessageAction="SUPPRESS",
        # The one that MiniStack makes up is shorter than our pool allows.
        TemporaryPassword=person.password,
        UserAttributes=[
            {"Name": "email", "Value": name},
            {"Name": "email_verified", "Value": "true"},
            {"Name": "custom:organization", "Value": organization},
        ],
    )
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=name, Password=person.password, Permanent=True
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
    return person


def sign_in(stack: EmulatedStack, person: Person) -> str:
    """Return an ID token: the sign-in form, the code it leads to, the token for the code (PKCE).

    Raises
    ------
    SignInFailed
        No code or no token came back.
    """
    client_id = stack.outputs["CommandLineClientId"]
    pool = stack.client("cognito-idp")
    client = pool.describe_user_pool_client(
        UserPoolId=stack.outputs["UserPoolId"], ClientId=client_id
    )["UserPoolClient"]
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    request = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": client["CallbackURLs"][0],
        "scope": "openid email profile",
        "state": secrets.token_urlsafe(8),
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    http, endpoint = stack.http, stack.endpoint_url
    form = http.request("GET", f"{endpoint}/oauth2/authorize", fields=request, redirect=False)
    if form.status != 200:
        raise SignInFailed(f"The sign-in form answered {form.status}: {form.data[:300]!r}")
    answer = http.request(
        "POST",
        f"{endpoint}/login",
        fields={**request, "username": person.name, "password": person.password},
        encode_multipart=False,
        redirect=False,
    )
    returned = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
    if returned.get("state") != [request["state"]] or "code" not in returned:
        raise SignInFailed(f"The sign-in answered {answer.status} and no code.")
    tokens = http.request(
        "POST",
        f"{endpoint}/oauth2/token",
        fields={
            "grant_type": "authorization_code",
            "client_id": client_id,
            "redirect_uri": request["redirect_uri"],
            "code": returned["code"][0],
            "code_verifier": verifier,
        },
        encode_multipart=False,
    )
    if tokens.status != 200:
        raise SignInFailed(f"The code was answered with {tokens.status}: {tokens.data[:300]!r}")
    return str(json.loads(tokens.data)["id_token"])


def get(stack: EmulatedStack, path: str, id_token: str | None = None) -> tuple[int, Any]:
    """Ask the REST API; return status and document."""
    address = urlsplit(stack.outputs["ApiUrl"])
    api, stage = address.netloc.partition(".")[0], address.path.strip("/")
    answer: urllib3.BaseHTTPResponse = stack.http.request(
        "GET",
        f"{stack.endpoint_url}/_aws/execute-api/{api}/{stage}{path}",
        headers={"Authorization": id_token} if id_token else {},
    )
    return answer.status, json.loads(answer.data or b"null")
