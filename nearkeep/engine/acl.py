"""Users and what they may do."""

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from nearkeep.wire.reply import Failure

if TYPE_CHECKING:
    from nearkeep.engine.command import Command
    from nearkeep.engine.session import Session

WRONG_PASS: Final = Failure(b"WRONGPASS invalid username-password pair or user is disabled.")


class User:
    """One user.

    Attributes:
        passwords: SHA-256 digests in hexadecimal.
        open: whether any password will do (`nopass`).
        unrestricted: whether the user may do everything.
    """

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.enabled = True
        self.open = False
        self.passwords: dict[bytes, None] = {}
        self.unrestricted = True

    def accepts(self, password: bytes) -> bool:
        """Whether the password is right; takes as long for a wrong one."""
        if self.open:
            return True
        digest = hash_password(password)
        found = False
        for known in self.passwords:
            found = hmac.compare_digest(known, digest) or found
        return found


class Users:
    """The users of a namespace."""

    def __init__(self) -> None:
        self.default = User(b"default")
        self.default.open = True
        self.named: dict[bytes, User] = {b"default": self.default}

    def require_password(self, password: bytes) -> None:
        """What `requirepass` sets: the default user's password, or none if it is empty."""
        self.default.passwords = {hash_password(password): None} if password else {}
        self.default.open = not password

    def authenticate(self, name: bytes, password: bytes) -> User | None:
        """The user, if name and password are right and it is enabled."""
        user = self.named.get(name)
        if user is None:
            hash_password(password)
            return None
        if not user.accepts(password) or not user.enabled:
            return None
        return user

    def denied(self, session: "Session", command: "Command", args: list[bytes]) -> Failure | None:
        """Why the session's user may not run a command, or None."""
        return None


def hash_password(password: bytes) -> bytes:
    """A password as it is kept: SHA-256 in hexadecimal."""
    return hashlib.sha256(password).hexdigest().encode()
