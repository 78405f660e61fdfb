"""Who may do what."""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.oss.failures import OSSError

_READING = frozenset({"GetBucketInfo", "GetObject", "ListObjects"})
_WRITING = frozenset(
    {"AbortMultipartUpload", "DeleteObject", "ListMultipartUploads", "ListParts", "PutBucket", "PutObject"}
)
_LISTING = frozenset({"ListBuckets", "DeleteBucket"})


@dataclass(frozen=True)
class Identity:
    """A user.

    Attributes
    ----------
    actions : frozenset of str
        What the user may do, by the names of the policies' actions.
    kept : str
        Keys with this in them the user may not delete; ``""`` for none.
    """

    name: str
    access_key_id: str
    access_key_secret: str
    actions: frozenset[str] = _READING | _WRITING | _LISTING
    kept: str = ""

    def may(self, action: str, key: str = "") -> bool:
        """Whether the action is allowed on the key."""
        return action in self.actions and not (action == "DeleteObject" and self.kept and self.kept in key)

    def require(self, action: str, key: str = "") -> None:
        """Raise AccessDenied unless the action is allowed."""
        if not self.may(action, key):
            raise OSSError("AccessDenied", "You have no right to access this object because of bucket acl.")


IDENTITIES = (
    Identity("admin", "admin-id", "secret-of-admin"),
    Identity("reader", "reader-id", "secret-of-reader", _READING),
    Identity("writer", "writer-id", "secret-of-writer", frozenset({"PutObject", "GetObject"})),
    Identity("keeper", "keeper-id", "secret-of-keeper", kept="/kept/"),
)


def find(access_key_id: str) -> Identity:
    """The user of an access key."""
    for identity in IDENTITIES:
        if identity.access_key_id == access_key_id:
            return identity
    message = "The OSS Access Key Id you provided does not exist in our records."
    raise OSSError("InvalidAccessKeyId", message, {"OSSAccessKeyId": access_key_id})
