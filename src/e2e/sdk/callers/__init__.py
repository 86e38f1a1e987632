"""The vendors' SDKs behind one face, so that every story is told once for all of them."""

from .chat import Chat
from .google import Google
from .messages import Messages
from .responses import Responses
from .said import Ask, Call, Said

CALLERS = {caller.format: caller for caller in (Chat, Responses, Messages, Google)}

__all__ = ["CALLERS", "Ask", "Call", "Said"]
