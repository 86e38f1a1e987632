"""What is asked and what was said, in nobody's format."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Ask:
    """A request."""

    #: The conversation, in the caller's own shape.
    turns: list
    system: str = ""
    #: Names of tools that take a city.
    tools: tuple = ()
    stops: tuple = ()
    #: Most tokens of the answer.
    most: int | None = None
    think: bool = False
    #: What only this vendor has.
    more: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A tool call of an answer."""

    id: str
    name: str
    arguments: dict


@dataclass
class Said:
    """An answer."""

    text: str
    #: In the vendor's own word.
    stop: str
    #: All tokens in, all tokens out.
    usage: tuple
    calls: list = field(default_factory=list)
    reasoning: str = ""
    #: The assistant's turn as this vendor's clients send it back.
    turns: list = field(default_factory=list)


def city():
    """The schema of every tool's arguments."""
    return {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
