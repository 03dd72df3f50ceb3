"""Which studies are of one subject, without keeping who that is.

What a person enters (a hospital's patient number, a study code) is never kept: only a keyed hash of
it, which nobody can try numbers against without the key, and which differs between organizations.
"""

import hashlib
import hmac


def subject_hash(organization_id: str, subject: str, key: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) over organization and normalised subject, in hexadecimal.

    Spaces at the ends and repeated ones do not matter. Case does: to link two persons is worse than
    to miss that two studies are of one.
    """
    # No organization holds a line feed, so no two pairs give the same text.
    text = f"{organization_id}\n{' '.join(subject.split())}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
