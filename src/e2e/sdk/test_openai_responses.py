"""The OpenAI SDK's Responses."""

import json

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

ASK = "Tell me about sevens."
WEATHER = "What is the weather in Oslo? Use get_weather."
TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "description": "The weather of a city",
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]


def client(where):
    return OpenAI(base_url=f"{where.url}/v1", api_key=where.key, max_retries=0)


def test_whole(where):
    answer = client(where).responses.create(model=where.model, input=ASK)
    assert answer.status == "completed"
    assert answer.output_text
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


async def test_stream_async(where):
    async with AsyncOpenAI(
        base_url=f"{where.url}/v1", api_key=where.key, max_retries=0
    ) as ai:
        stream = await ai.responses.create(model=where.model, input=ASK, stream=True)
        events = [event async for event in stream]
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == events[-1].response.output_text
    numbers = [event.sequence_number for event in events]
    # The mock numbers nothing.
    assert where.name == "aimock" or numbers == list(range(len(events)))


def test_stream_helper(where):
    with client(where).responses.stream(model=where.model, input=ASK) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.output_text.delta" in kinds
    assert final.output_text


def test_tools_there_and_back(where):
    ai = client(where)
    first = ai.responses.create(model=where.model, input=WEATHER, tools=TOOLS)
    call = next(item for item in first.output if item.type == "function_call")
    assert call.name == "get_weather"
    assert json.loads(call.arguments)["city"]
    turns = [
        {"role": "user", "content": WEATHER},
        *[item.model_dump(exclude_none=True) for item in first.output],
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"},
    ]
    second = ai.responses.create(model=where.model, input=turns, tools=TOOLS)
    assert "sunny" in second.output_text


def test_tools_streamed_by_the_helper(where):
    with client(where).responses.stream(model=where.model, input=WEATHER, tools=TOOLS) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.done" in kinds
    call = next(item for item in final.output if item.type == "function_call")
    assert json.loads(call.arguments)["city"]


def test_bad_key(gateway):
    ai = OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-nobody-0123456789", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        ai.responses.create(model=gateway.model, input=ASK)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("too fast", openai.RateLimitError),
        ("bad request", openai.BadRequestError),
        ("break down", openai.InternalServerError),
    ],
)
def test_upstream_errors_raise_their_class(mock, text, error, stream):
    with pytest.raises(error):
        answer = client(mock).responses.create(model=mock.model, input=text, stream=stream)
        list(answer) if stream else None


def test_the_record_agrees(where, record):
    raw = client(where).responses.with_raw_response.create(model=where.model, input=ASK)
    answer = raw.parse()
    row = record(where, raw.headers["x-request-id"])
    assert row["client_format"] == "responses"
    assert row["usage"]["input"] == answer.usage.input_tokens
    assert row["usage"]["output"] == answer.usage.output_tokens
