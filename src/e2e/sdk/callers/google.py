"""Google's SDK."""

import base64

from google.genai import errors, types

from . import wire
from .said import Call, Said, city


class Google:
    format = "gemini"
    DONE, LENGTH, CALLS, STOPPED = "STOP", "MAX_TOKENS", "STOP", {"STOP"}
    BAD, GONE, FAST, BUSY = (
        errors.ClientError,
        errors.ClientError,
        errors.ClientError,
        errors.ServerError,
    )
    STOPS_FIELD = "stopSequences"

    def __init__(self, where, model):
        self.where, self.model, self.ids = where, model, []

    def client(self):
        return wire.google_client(self)

    @staticmethod
    def user(text, image=None):
        parts = [types.Part(text=text)]
        if image:
            mime, data = image.removeprefix("data:").split(";base64,")
            parts.append(types.Part.from_bytes(data=base64.b64decode(data), mime_type=mime))
        return [types.Content(role="user", parts=parts)]

    @staticmethod
    def results(calls, texts):
        parts = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"output": text}
                )
            )
            for call, text in zip(calls, texts, strict=True)
        ]
        return [types.Content(role="user", parts=parts)]

    def request(self, ask):
        config = {}
        if ask.system:
            config["system_instruction"] = ask.system
        if ask.tools:
            declared = [
                types.FunctionDeclaration(name=name, parameters_json_schema=city())
                for name in ask.tools
            ]
            config["tools"] = [types.Tool(function_declarations=declared)]
            config["automatic_function_calling"] = {"disable": True}
        if ask.stops:
            config["stop_sequences"] = list(ask.stops)
        if ask.most:
            config["max_output_tokens"] = ask.most
        if ask.think:
            config["thinking_config"] = {"include_thoughts": True, "thinking_budget": 2048}
        return {
            "model": self.model,
            "contents": ask.turns,
            "config": types.GenerateContentConfig(**config, **ask.more),
        }

    @staticmethod
    def said(answers):
        """Of the one answer, or of all chunks of a stream."""
        parts = [
            part
            for answer in answers
            for candidate in answer.candidates or []
            for part in (candidate.content and candidate.content.parts) or []
        ]
        last = answers[-1]
        usage = last.usage_metadata
        calls = [part.function_call for part in parts if part.function_call]
        return Said(
            text="".join(part.text or "" for part in parts if not part.thought),
            stop=last.candidates[0].finish_reason.value,
            usage=(
                usage.prompt_token_count,
                (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            ),
            calls=[Call(call.id, call.name, call.args) for call in calls],
            reasoning="".join(part.text or "" for part in parts if part.thought),
            turns=[types.Content(role="model", parts=parts)],
        )

    def whole(self, ask):
        return self.said([self.client().models.generate_content(**self.request(ask))])

    async def whole_async(self, ask):
        return self.said([await self.client().aio.models.generate_content(**self.request(ask))])

    def streamed(self, ask):
        return self.said(list(self.client().models.generate_content_stream(**self.request(ask))))

    async def streamed_async(self, ask):
        stream = await self.client().aio.models.generate_content_stream(**self.request(ask))
        return self.said([chunk async for chunk in stream])

    def raw(self, ask):
        """The pieces of the text."""
        chunks = self.client().models.generate_content_stream(**self.request(ask))
        return [chunk.text or "" for chunk in chunks]

    def parsed(self, turns, shape):
        config = types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=shape
        )
        answer = self.client().models.generate_content(
            model=self.model, contents=turns, config=config
        )
        return answer.parsed

    def models(self):
        return [row.name.removeprefix("models/") for row in self.client().models.list()]

    def counted(self, turns):
        return self.client().models.count_tokens(model=self.model, contents=turns).total_tokens
