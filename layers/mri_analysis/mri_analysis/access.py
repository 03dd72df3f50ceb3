"""Who calls the API, from the claims of the verified token and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mri_analysis.errors import ForeignUpload, OrganizationMissing, RoleMissing, SignInRequired
from mri_analysis.keys import check_organization

_COMMAS = re.compile(r"[^\[\],\s]+(,[^\[\],\s]+)*")
_BRACKETS = re.compile(r"\[[^\[\],\s]+( [^\[\],\s]+)*\]")


class Role(StrEnum):
    """A group of the user pool."""

    CLINICIAN = "clinician"
    REVIEWER = "reviewer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """A signed-in person."""

    organization_id: str
    user_id: str
    roles: frozenset[Role]
    name: str = ""
    """as others see it: what the account calls itself, else its subject"""

    def require(self, *roles: Role) -> None:
        """Raise ``RoleMissing`` where the caller has none of ``roles``; an admin has all."""
        if roles and not self.roles & {*roles, Role.ADMIN}:
            names = " or ".join(roles)
            raise RoleMissing(f"This needs the role {names}.")

    def require_own(self, role: Role) -> None:
        """Raise ``RoleMissing`` where ``role`` was not given to the caller themselves.

        For what a person answers for: running the system makes nobody a reader of images.
        """
        if role not in self.roles:
            raise RoleMissing(f"This needs the role {role} itself.")


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """The person behind the claims.

    Raises
    ------
    SignInRequired
        The token names nobody.
    OrganizationMissing
        The account belongs to no organization.
    """
    user_id = str(claims.get("sub") or "")
    if not user_id:
        raise SignInRequired("The request carries no valid ID token.")
    organization_id = str(claims.get("custom:organization") or "")
    try:
        check_organization(organization_id)
    except ForeignUpload as error:
        raise OrganizationMissing("The account belongs to no organization.") from error
    named = (claims.get(claim) for claim in ("name", "email", "cognito:username"))
    name = next((str(found) for found in named if found), user_id)
    return Caller(organization_id, user_id, _roles(claims.get("cognito:groups")), name[:255])


def _roles(groups: object) -> frozenset[Role]:
    """API Gateway hands a list of the token on as text: ``admin,reviewer`` or ``[admin reviewer]``.

    Groups that are no role of ours are nothing to us, and so is a text of any other form: a group
    may be named ``[clinician``.
    """
    if isinstance(groups, list):
        names = groups
    elif isinstance(groups, str) and _COMMAS.fullmatch(groups):
        names = groups.split(",")
    elif isinstance(groups, str) and _BRACKETS.fullmatch(groups):
        names = groups[1:-1].split(" ")
    else:
        names = []
    return frozenset(role for role in Role if role.value in names)
