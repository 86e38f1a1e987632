"""The Anthropic SDK's Messages."""

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

ASK = [{"role": "user", "content": "Tell me about sevens."}]
WEATHER = [{"role": "user", "content": "What is the weather in Oslo? Use get_weather."}]
TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a city",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]


def client(where):
    return Anthropic(base_url=where.url, api_key=where.key, max_retries=0)


def model(where):
    return "claude-sonnet-5-0" if where.name == "aimock" else where.model


def ask(where, messages=ASK, **more):
    return {"model": model(where), "max_tokens": 512, "messages": messages, **more}


def test_whole(where):
    answer = client(where).messages.create(**ask(where))
    assert answer.type == "message"
    assert answer.content[0].text
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0


async def test_whole_async_by_bearer(where):
    async with AsyncAnthropic(
        base_url=where.url, api_key=None, auth_token=where.key, max_retries=0
    ) as ai:
        answer = await ai.messages.create(**ask(where))
    assert answer.content[0].text


def test_stream_of_raw_events(where):
    kinds = [event.type for event in client(where).messages.create(**ask(where), stream=True)]
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert kinds.count("content_block_delta") > 1


def test_stream_helper(where):
    with client(where).messages.stream(**ask(where)) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].text == text
    assert final.usage.output_tokens > 0
    assert final.stop_reason == "end_turn"


async def test_stream_helper_async(where):
    async with AsyncAnthropic(
        base_url=where.url, api_key=where.key, max_retries=0
    ) as ai:
        async with ai.messages.stream(**ask(where)) as stream:
            text = "".join([text async for text in stream.text_stream])
    assert text


def test_tools_there_and_back(where):
    ai = client(where)
    first = ai.messages.create(**ask(where, WEATHER, tools=TOOLS))
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    assert call.name == "get_weather" and call.input["city"]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny, 21 degrees"}
    turns = [
        *WEATHER,
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
        {"role": "user", "content": [result]},
    ]
    second = ai.messages.create(**ask(where, turns, tools=TOOLS))
    assert "sunny" in second.content[0].text


def test_tools_streamed_by_the_helper(where):
    with client(where).messages.stream(**ask(where, WEATHER, tools=TOOLS)) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_message()
    assert "input_json" in kinds
    call = next(block for block in final.content if block.type == "tool_use")
    assert call.input["city"]


def test_counting(gateway):
    count = client(gateway).messages.count_tokens(model=gateway.model, messages=ASK)
    assert count.input_tokens > 0


def test_models(gateway):
    ids = [row.id for row in client(gateway).models.list()]
    assert gateway.model in ids


def test_bad_key(gateway):
    ai = Anthropic(base_url=gateway.url, api_key="sk-nobody-0123456789", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError) as told:
        ai.messages.create(**ask(gateway))
    assert told.value.body["error"]["type"] == "authentication_error"
    assert told.value.request_id


def test_malformed(gateway):
    with pytest.raises(anthropic.BadRequestError):
        client(gateway).messages.create(model=gateway.model, max_tokens=9, messages="no list")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("too fast", anthropic.RateLimitError),
        ("bad request", anthropic.BadRequestError),
        ("break down", anthropic.InternalServerError),
        ("overloaded", anthropic.APIStatusError),
    ],
)
def test_upstream_errors_raise_their_class(mock, text, error, stream):
    messages = [{"role": "user", "content": text}]
    with pytest.raises(error):
        answer = client(mock).messages.create(**ask(mock, messages), stream=stream)
        list(answer) if stream else None


def test_overload_is_529_behind_the_gateway(mock, record):
    del record  # only with a gateway in between
    messages = [{"role": "user", "content": "overloaded"}]
    with pytest.raises(anthropic.APIStatusError) as told:
        client(mock).messages.create(**ask(mock, messages))
    assert told.value.status_code == 529
    assert told.value.body["error"]["type"] == "overloaded_error"


def test_the_record_agrees(where, record):
    raw = client(where).messages.with_raw_response.create(**ask(where))
    answer = raw.parse()
    row = record(where, raw.headers["x-request-id"])
    assert row["client_format"] == "messages"
    assert row["usage"]["output"] == answer.usage.output_tokens
