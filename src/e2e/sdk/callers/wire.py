"""The SDKs' clients, which note the ids of their requests."""

import anthropic
import openai
from google import genai
from google.genai import types

#: Answers of a loaded machine are slow, not lost.
PATIENCE = 60.0
#: A proxy of the machine is none of the loopback's business.
DIRECT = {"trust_env": False}


def noting(caller, *, is_async):
    """Options of a transport that notes the id of each answer."""

    def note(answer):
        if request_id := answer.headers.get("x-request-id"):
            caller.ids.append(request_id)

    async def note_async(answer):
        note(answer)

    return {"event_hooks": {"response": [note_async if is_async else note]}, **DIRECT}


def openai_client(kind, caller):
    return _vendor(openai, kind, caller, base_url=f"{caller.where.url}/v1")


def anthropic_client(kind, caller):
    return _vendor(anthropic, kind, caller, base_url=caller.where.url)


def _vendor(vendor, kind, caller, **options):
    is_async = kind.__name__.startswith("Async")
    transport = vendor.DefaultAsyncHttpxClient if is_async else vendor.DefaultHttpxClient
    return kind(
        api_key=caller.where.key,
        max_retries=0,
        timeout=PATIENCE,
        http_client=transport(**noting(caller, is_async=is_async)),
        **options,
    )


def google_client(caller):
    options = types.HttpOptions(
        base_url=caller.where.url,
        retry_options=types.HttpRetryOptions(attempts=1),
        client_args=noting(caller, is_async=False),
        async_client_args=noting(caller, is_async=True),
    )
    ai = genai.Client(api_key=caller.where.key, http_options=options)
    # It closes itself when nobody holds it, even while its stream is read.
    caller.kept = ai
    return ai
