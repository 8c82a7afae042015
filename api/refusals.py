"""What is wrong with a token or a login: errors that the border and the page tell in sentences."""

from typing import Literal

FailedLogin = Literal["away", "busy", "denied", "failed", "group", "late"]
"""Why nobody was logged in: the issuer does not answer, too many log in at once, the person has
said no, something is wrong, none of the person's groups has rights, or it took too long.
"""


class TokenRefused(Exception):
    """A token is not valid; the text says why, and repeats nothing of it."""


class NoGroup(Exception):
    """A token is valid, but its holder is in no group that has rights."""


class LoginFailed(Exception):
    """Nobody was logged in.

    kind: What the page says. The reason is for the log: it may repeat what the issuer says.
    who: The name of the person, if the token was valid.
    """

    def __init__(self, kind: FailedLogin, reason: str, who: str = "") -> None:
        self.kind = kind
        self.who = who
        super().__init__(reason)
