"""OpenAI's SDK, Chat Completions."""

import json

import openai

from . import wire
from .said import Call, Said, city


class Chat:
    format = "chat"
    DONE, LENGTH, CALLS, STOPPED = "stop", "length", "tool_calls", {"stop"}
    BAD, GONE, FAST, BUSY = (
        openai.BadRequestError,
        openai.NotFoundError,
        openai.RateLimitError,
        openai.InternalServerError,
    )
    STOPS_FIELD = "stop"

    def __init__(self, where, model):
        self.where, self.model, self.ids = where, model, []

    def client(self, kind=openai.OpenAI):
        return wire.openai_client(kind, self)

    @staticmethod
    def user(text, image=None):
        parts = [{"type": "text", "text": text}]
        if image:
            parts.append({"type": "image_url", "image_url": {"url": image}})
        return [{"role": "user", "content": parts if image else text}]

    @staticmethod
    def results(calls, texts):
        return [
            {"role": "tool", "tool_call_id": call.id, "content": text}
            for call, text in zip(calls, texts, strict=True)
        ]

    def request(self, ask):
        system = [{"role": "system", "content": ask.system}] if ask.system else []
        request = {"model": self.model, "messages": [*system, *ask.turns]}
        if ask.tools:
            request["tools"] = [
                {"type": "function", "function": {"name": name, "parameters": city()}}
                for name in ask.tools
            ]
        if ask.stops:
            request["stop"] = list(ask.stops)
        if ask.most:
            request["max_completion_tokens"] = ask.most
        if ask.think:
            request["reasoning_effort"] = "medium"
        return {**request, **ask.more}

    @staticmethod
    def said(answer):
        (choice,) = answer.choices
        message = choice.message
        return Said(
            text=message.content or "",
            stop=choice.finish_reason,
            usage=(answer.usage.prompt_tokens, answer.usage.completion_tokens),
            calls=[
                Call(call.id, call.function.name, json.loads(call.function.arguments))
                for call in message.tool_calls or []
            ],
            reasoning=getattr(message, "reasoning_content", None) or "",
            turns=[message.model_dump(exclude_none=True, exclude={"parsed"})],
        )

    def whole(self, ask):
        return self.said(self.client().chat.completions.create(**self.request(ask)))

    async def whole_async(self, ask):
        async with self.client(openai.AsyncOpenAI) as ai:
            return self.said(await ai.chat.completions.create(**self.request(ask)))

    def streaming(self, ask):
        return {**self.request(ask), "stream_options": {"include_usage": True}}

    def streamed(self, ask):
        with self.client().chat.completions.stream(**self.streaming(ask)) as stream:
            events = list(stream)
            # What `get_final_completion` gives, which raises when the answer was cut.
            final = self.said(stream.current_completion_snapshot)
        texts = [event.delta for event in events if event.type == "content.delta"]
        assert "".join(texts) == final.text
        return final

    async def streamed_async(self, ask):
        async with (
            self.client(openai.AsyncOpenAI) as ai,
            ai.chat.completions.stream(**self.streaming(ask)) as stream,
        ):
            async for _ in stream:
                pass
            return self.said(await stream.get_final_completion())

    def raw(self, ask):
        """The stream without a helper."""
        chunks = self.client().chat.completions.create(**self.request(ask), stream=True)
        return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]

    def parsed(self, turns, shape):
        answer = self.client().chat.completions.parse(
            model=self.model, messages=turns, response_format=shape
        )
        return answer.choices[0].message.parsed

    def models(self):
        return [row.id for row in self.client().models.list()]
