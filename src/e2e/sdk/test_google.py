"""The Google GenAI SDK's generateContent."""

import pytest
from google import genai
from google.genai import errors, types

ASK = "Tell me about sevens."
KEPT = []
WEATHER = "What is the weather in Oslo? Use get_weather."
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            description="The weather of a city",
            parameters=types.Schema(
                type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]
            ),
        )
    ]
)


def client(where, key=None):
    # Without a gateway the mock knows the older path only.
    version = {} if where.admin else {"api_version": "v1beta"}
    options = types.HttpOptions(
        base_url=where.url, retry_options=types.HttpRetryOptions(attempts=1), **version
    )
    ai = genai.Client(api_key=key or where.key, http_options=options)
    # It closes itself when nobody holds it, even while its stream is read.
    KEPT.append(ai)
    return ai


def model(where):
    return "gemini-2.5-flash" if where.name == "aimock" else where.model


def with_tool():
    off = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(tools=[TOOL], automatic_function_calling=off)


def test_whole(where):
    answer = client(where).models.generate_content(model=model(where), contents=ASK)
    assert answer.text
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.prompt_token_count > 0
    assert answer.usage_metadata.total_token_count > 0


async def test_whole_async(where):
    answer = await client(where).aio.models.generate_content(model=model(where), contents=ASK)
    assert answer.text


def test_stream(where):
    chunks = list(client(where).models.generate_content_stream(model=model(where), contents=ASK))
    assert len(chunks) > 1
    assert "".join(chunk.text or "" for chunk in chunks)
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count > 0


async def test_stream_async(where):
    stream = await client(where).aio.models.generate_content_stream(
        model=model(where), contents=ASK
    )
    text = "".join([chunk.text or "" async for chunk in stream])
    assert text


def test_tools_there_and_back(where):
    ai = client(where)
    first = ai.models.generate_content(model=model(where), contents=WEATHER, config=with_tool())
    call = first.function_calls[0]
    assert call.name == "get_weather" and call.args["city"]
    turns = [
        types.Content(role="user", parts=[types.Part(text=WEATHER)]),
        first.candidates[0].content,
        types.Content(
            role="user",
            parts=[
                types.Part(
                    function_response=types.FunctionResponse(
                        id=call.id, name=call.name, response={"result": "sunny, 21 degrees"}
                    )
                )
            ],
        ),
    ]
    second = ai.models.generate_content(model=model(where), contents=turns, config=with_tool())
    assert "sunny" in second.text


def test_tools_streamed(where):
    chunks = client(where).models.generate_content_stream(
        model=model(where), contents=WEATHER, config=with_tool()
    )
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    assert calls[0].name == "get_weather"


def test_a_chat_keeps_its_history(where):
    chat = client(where).chats.create(model=model(where))
    assert chat.send_message(ASK).text
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("And more?"))
    turns = chat.get_history()
    # A streamed answer is kept in pieces.
    assert [turn.role for turn in turns[:4]] == ["user", "model", "user", "model"]


def test_counting(gateway):
    count = client(gateway).models.count_tokens(model=gateway.model, contents=ASK)
    assert count.total_tokens > 0


def test_models(gateway):
    names = [row.name for row in client(gateway).models.list()]
    assert f"models/{gateway.model}" in names


def test_bad_key(gateway):
    with pytest.raises(errors.ClientError) as told:
        client(gateway, "sk-nobody-0123456789").models.generate_content(
            model=gateway.model, contents=ASK
        )
    assert told.value.code == 401
    assert told.value.status == "UNAUTHENTICATED"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("too fast", errors.ClientError, 429),
        ("bad request", errors.ClientError, 400),
        ("break down", errors.ServerError, None),
        ("overloaded", errors.ServerError, 503),
    ],
)
def test_upstream_errors_raise_their_class(mock, text, error, code, stream):
    models = client(mock).models
    with pytest.raises(error) as told:
        if stream:
            list(models.generate_content_stream(model=model(mock), contents=text))
        else:
            models.generate_content(model=model(mock), contents=text)
    if code:
        assert told.value.code == code
