"""Every vendor's SDK before an upstream of every format: sixteen pairs, and none of them notices."""

import pytest
from callers import CALLERS, Ask
from conftest import DIRECT
from pydantic import BaseModel

FORMATS = list(CALLERS)
SHORT = "Say one two three four five six seven"
WORDS = "one two three four five six seven"
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
#: What a client may ask for, the field a refusal names, and the upstreams that cannot give it.
CONTRACTS = [
    ("chat", {"n": 2}, "n", ["responses", "messages"]),
    ("chat", {"logprobs": True}, "logprobs", ["messages"]),
    ("chat", {"web_search_options": {}}, "web_search_options", ["responses", "messages", "gemini"]),
    ("responses", {"previous_response_id": "resp_1"}, "previous_response_id", ["chat", "messages", "gemini"]),
    ("responses", {"tools": [{"type": "web_search"}]}, "tools", ["chat", "messages", "gemini"]),
    ("responses", {"background": True}, "background", ["chat", "messages", "gemini"]),
    (
        "messages",
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        "tools",
        ["chat", "responses", "gemini"],
    ),
    ("gemini", {"tools": [{"google_search": {}}]}, "tools", ["chat", "responses", "messages"]),
    ("gemini", {"candidate_count": 2}, "candidateCount", ["responses", "messages"]),
    ("gemini", {"response_modalities": ["AUDIO"]}, "responseModalities", ["responses", "messages"]),
]
WAYS = ["whole", "whole_async", "streamed", "streamed_async"]

pytestmark = pytest.mark.skipif(DIRECT, reason="no gateway in between")


class Trip(BaseModel):
    city: str
    days: int


@pytest.fixture(params=FORMATS)
def client(request):
    """The client's format."""
    return request.param


@pytest.fixture(params=FORMATS)
def upstream(request):
    """The upstream's format."""
    return request.param


@pytest.fixture
def caller(places, client, upstream):
    """An SDK before the demo upstream."""
    return CALLERS[client](places["pairs"], f"demo-{upstream}")


@pytest.fixture
def stranger(places, client, upstream):
    """An SDK before the foreign mock."""
    return CALLERS[client](places["pairs"], f"aimock-{upstream}")


async def say(caller, way, ask):
    """What the SDK says, each way it can be asked."""
    said = getattr(caller, way)(ask)
    return await said if way.endswith("_async") else said


def asked(caller, text, **more):
    return Ask(caller.user(text), **more)


def check_record(caller, record, said, upstream):
    row = record(caller.where, caller.ids[-1])
    assert (row["client_format"], row["upstream_format"]) == (caller.format, upstream)
    assert (row["end"], row["usage_source"]) == ("complete", "provider")
    assert (row["usage"]["input"], row["usage"]["output"]) == said.usage


@pytest.mark.parametrize("way", WAYS)
async def test_text(caller, upstream, way, record):
    said = await say(caller, way, asked(caller, SHORT))
    assert said.text == WORDS
    assert said.stop == caller.DONE
    assert not said.reasoning and not said.calls
    check_record(caller, record, said, upstream)


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_text_of_a_stranger(stranger, upstream, way, record):
    said = await say(stranger, way, asked(stranger, "Tell me about sevens."))
    assert said.text.startswith("7, 14, 21") and said.text.endswith("no end to it.")
    assert said.stop == stranger.DONE
    check_record(stranger, record, said, upstream)


def test_the_stream_comes_in_pieces(caller):
    pieces = [piece for piece in caller.raw(asked(caller, SHORT)) if piece]
    assert "".join(pieces) == WORDS
    assert len(pieces) > 3


def test_system_prompt(caller):
    plain = caller.whole(asked(caller, SHORT))
    told = caller.whole(asked(caller, SHORT, system="Be brief, and never speak of the weather."))
    assert told.text == plain.text
    assert told.usage[0] > plain.usage[0] + 5


@pytest.mark.parametrize("way", ["whole", "streamed_async"])
async def test_a_call_and_the_turn_after(caller, way):
    ask = asked(caller, "How is it in Oslo? Use get_weather.", tools=("get_weather", "get_time"))
    first = await say(caller, way, ask)
    assert first.stop == caller.CALLS
    (call,) = first.calls
    assert (call.name, call.arguments) == ("get_weather", {"city": "Oslo"})
    turns = [*ask.turns, *first.turns, *caller.results(first.calls, ["sunny, 21 degrees"])]
    second = await say(caller, way, Ask(turns, tools=ask.tools))
    assert second.text.startswith("get_weather says: sunny, 21 degrees.")
    assert second.stop == caller.DONE


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_calls_of_a_stranger(stranger, way, upstream):
    ask = asked(stranger, "What is the weather in Oslo?", tools=("get_weather",))
    first = await say(stranger, way, ask)
    # Nothing is changed within a format, not even a reason that is the mock's own.
    own = "FUNCTION_CALL" if (stranger.format, upstream) == ("gemini", "gemini") else None
    assert first.stop == (own or stranger.CALLS)
    (call,) = first.calls
    assert (call.name, call.arguments) == ("get_weather", {"city": "Oslo"})
    turns = [*ask.turns, *first.turns, *stranger.results(first.calls, ["sunny"])]
    second = await say(stranger, way, Ask(turns, tools=ask.tools))
    assert second.text == "It is sunny in Oslo, 21 degrees."


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_parallel_calls(caller, way):
    ask = asked(caller, "Use get_weather and get_time for Oslo.", tools=("get_weather", "get_time"))
    first = await say(caller, way, ask)
    assert [call.name for call in first.calls] == ["get_weather", "get_time"]
    assert all(call.arguments == {"city": "Oslo"} for call in first.calls)
    results = caller.results(first.calls, ["sunny", "noon"])
    second = await say(caller, way, Ask([*ask.turns, *first.turns, *results], tools=ask.tools))
    assert second.text.startswith("get_weather says: sunny. get_time says: noon.")


def test_schema(caller):
    trip = caller.parsed(caller.user("A trip to Oslo, 7 days"), Trip)
    trip = trip if isinstance(trip, Trip) else Trip.model_validate(trip)
    assert (trip.city, trip.days) == ("Oslo", 7)


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_reasoning_is_shown_and_comes_back(caller, way, upstream, record):
    ask = asked(caller, "How is it in Oslo? Use get_weather.", tools=("get_weather",), think=True)
    first = await say(caller, way, ask)
    assert first.reasoning.startswith("The question is about Oslo")
    check_record(caller, record, first, upstream)
    # Its proof goes back with the call's result, and the upstream looks at it.
    turns = [*ask.turns, *first.turns, *caller.results(first.calls, ["sunny"])]
    second = await say(caller, way, Ask(turns, tools=ask.tools, think=True))
    assert "sunny" in second.text


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_reasoning_of_a_stranger(stranger, way):
    said = await say(stranger, way, asked(stranger, "think of six times seven", think=True))
    assert said.text == "The answer is 42."
    assert said.reasoning == "Six times seven."


def test_image(caller):
    said = caller.whole(Ask(caller.user("Look.", PNG)))
    # The demo takes the last thing said for the question, and names what is no text.
    assert said.text.startswith("You asked: \u201c[")


@pytest.mark.parametrize("client", ["chat", "messages", "gemini"])
@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_stop_sequences(caller, way, upstream):
    ask = asked(caller, SHORT, stops=(" four",))
    if upstream == "responses":
        with pytest.raises(caller.BAD) as told:
            await say(caller, way, ask)
        assert caller.STOPS_FIELD in str(told.value)
        return
    said = await say(caller, way, ask)
    assert said.text == "one two three"
    assert said.stop in caller.STOPPED


@pytest.mark.parametrize(
    ("client", "more", "field", "upstream"),
    [(client, more, field, to) for client, more, field, targets in CONTRACTS for to in targets],
)
@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_what_an_upstream_cannot_give_is_refused(caller, way, more, field, upstream):
    with pytest.raises(caller.BAD) as told:
        await say(caller, way, asked(caller, SHORT, more=more))
    assert status(told.value) == 400
    assert f"`{field}" in str(told.value) or f".{field}`" in str(told.value)
    assert f"upstream of type {upstream}" in str(told.value)


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_most_tokens(caller, way, upstream, record):
    said = await say(caller, way, asked(caller, "Speak of sevens in 60 words", most=16))
    assert said.stop == caller.LENGTH
    assert said.text and said.usage[1] <= 16
    check_record(caller, record, said, upstream)


@pytest.mark.parametrize("way", ["whole", "streamed"])
@pytest.mark.parametrize(
    ("text", "kind"), [("bad request", "BAD"), ("too fast", "FAST"), ("overloaded", "BUSY")]
)
async def test_errors_raise_their_class(stranger, way, text, kind):
    with pytest.raises(getattr(stranger, kind)) as told:
        await say(stranger, way, asked(stranger, text))
    wanted = {"BAD": 400, "FAST": 429, "BUSY": 529 if stranger.format == "messages" else 503}
    assert status(told.value) == wanted[kind]


@pytest.mark.parametrize("way", ["whole", "streamed"])
async def test_a_model_nobody_knows(caller, way, upstream):
    for model in ("nobody", f"demo-gone-{upstream}"):
        caller.model = model
        with pytest.raises(caller.GONE) as told:
            await say(caller, way, asked(caller, SHORT))
        assert status(told.value) == 404


def status(error):
    return getattr(error, "status_code", None) or error.code


@pytest.mark.parametrize("client", ["messages", "gemini"])
def test_counting(caller):
    few, many = caller.counted(caller.user("one")), caller.counted(caller.user("one " * 100))
    assert 0 < few < many < 400


def test_models_are_listed(caller):
    assert caller.model in caller.models()
