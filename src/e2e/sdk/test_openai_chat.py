"""The OpenAI SDK's Chat Completions."""

import json

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

ASK = [{"role": "user", "content": "Tell me about sevens."}]
WEATHER = [{"role": "user", "content": "What is the weather in Oslo? Use get_weather."}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


def client(where, **options):
    return OpenAI(base_url=f"{where.url}/v1", api_key=where.key, max_retries=0, **options)


def async_client(where):
    return AsyncOpenAI(base_url=f"{where.url}/v1", api_key=where.key, max_retries=0)


def test_whole(where):
    answer = client(where).chat.completions.create(model=where.model, messages=ASK)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_whole_async(where):
    async with async_client(where) as ai:
        answer = await ai.chat.completions.create(model=where.model, messages=ASK)
    assert answer.choices[0].message.content


def test_stream(where):
    stream = client(where).chat.completions.create(model=where.model, messages=ASK, stream=True)
    chunks = list(stream)
    assert len(chunks) > 3
    assert all(chunk.choices for chunk in chunks), "usage that was not asked for is not shown"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_stream_async_with_usage(where):
    async with async_client(where) as ai:
        stream = await ai.chat.completions.create(
            model=where.model, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0


def test_stream_helper(where):
    with client(where).chat.completions.stream(model=where.model, messages=ASK) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in kinds and "content.done" in kinds
    assert final.choices[0].message.content


def test_tools_there_and_back(where):
    ai = client(where)
    first = ai.chat.completions.create(model=where.model, messages=WEATHER, tools=TOOLS)
    assert first.choices[0].finish_reason == "tool_calls"
    call = first.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["city"]
    turns = [
        *WEATHER,
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"},
    ]
    second = ai.chat.completions.create(model=where.model, messages=turns, tools=TOOLS)
    assert second.choices[0].finish_reason == "stop"
    assert "sunny" in second.choices[0].message.content


def test_tools_streamed_by_the_helper(where):
    with client(where).chat.completions.stream(
        model=where.model, messages=WEATHER, tools=TOOLS
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    call = final.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments)["city"]


def test_structured_output(gateway):
    class Person(BaseModel):
        name: str
        age: int

    answer = client(gateway).chat.completions.parse(
        model=gateway.model, messages=ASK, response_format=Person
    )
    assert isinstance(answer.choices[0].message.parsed, Person)


def test_the_older_completions(gateway):
    answer = client(gateway).completions.create(model=gateway.model, prompt="Tell me about sevens.")
    assert answer.choices[0].text
    assert answer.usage.total_tokens > 0


def test_models(gateway):
    ids = [model.id for model in client(gateway).models.list()]
    assert gateway.model in ids
    assert client(gateway).models.retrieve(gateway.model).id == gateway.model


def test_bad_key(gateway):
    ai = OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-nobody-0123456789", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as told:
        ai.chat.completions.create(model=gateway.model, messages=ASK)
    assert told.value.code == "invalid_api_key"
    assert told.value.request_id


def test_unknown_path(gateway):
    with pytest.raises(openai.NotFoundError):
        client(gateway).embeddings.create(model="m", input="x")


def test_malformed(gateway):
    with pytest.raises(openai.BadRequestError) as told:
        client(gateway).chat.completions.create(model=gateway.model, messages="no list")
    assert told.value.type == "invalid_request_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("too fast", openai.RateLimitError),
        ("bad request", openai.BadRequestError),
        ("break down", openai.InternalServerError),
        ("overloaded", openai.InternalServerError),
    ],
)
def test_upstream_errors_raise_their_class(mock, text, error, stream):
    messages = [{"role": "user", "content": text}]
    with pytest.raises(error) as told:
        answer = client(mock).chat.completions.create(
            model=mock.model, messages=messages, stream=stream
        )
        list(answer) if stream else None
    if error is openai.BadRequestError:
        assert "temperature" in told.value.message


def test_the_sdk_retries_what_may_be_retried(mock):
    ai = client(mock).with_options(max_retries=1)
    with pytest.raises(openai.RateLimitError):
        ai.chat.completions.create(
            model=mock.model, messages=[{"role": "user", "content": "too fast"}]
        )


def test_the_record_agrees(where, record):
    raw = client(where).chat.completions.with_raw_response.create(model=where.model, messages=ASK)
    answer = raw.parse()
    row = record(where, raw.headers["x-request-id"])
    assert row["end"] == "complete"
    assert row["usage_source"] == "provider"
    assert row["usage"]["input"] == answer.usage.prompt_tokens
    assert row["usage"]["output"] == answer.usage.completion_tokens
