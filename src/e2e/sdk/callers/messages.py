"""Anthropic's SDK."""

import anthropic

from . import wire
from .said import Call, Said, city


class Messages:
    format = "messages"
    DONE, LENGTH, CALLS = "end_turn", "max_tokens", "tool_use"
    #: Only its own kind of upstream says which sequence it was.
    STOPPED = {"end_turn", "stop_sequence"}
    BAD, GONE, FAST, BUSY = (
        anthropic.BadRequestError,
        anthropic.NotFoundError,
        anthropic.RateLimitError,
        anthropic.InternalServerError,
    )
    STOPS_FIELD = "stop_sequences"

    def __init__(self, where, model):
        self.where, self.model, self.ids = where, model, []

    def client(self, kind=anthropic.Anthropic):
        return wire.anthropic_client(kind, self)

    @staticmethod
    def user(text, image=None):
        blocks = [{"type": "text", "text": text}]
        if image:
            mime, data = image.removeprefix("data:").split(";base64,")
            source = {"type": "base64", "media_type": mime, "data": data}
            blocks.append({"type": "image", "source": source})
        return [{"role": "user", "content": blocks if image else text}]

    @staticmethod
    def results(calls, texts):
        blocks = [
            {"type": "tool_result", "tool_use_id": call.id, "content": text}
            for call, text in zip(calls, texts, strict=True)
        ]
        return [{"role": "user", "content": blocks}]

    def request(self, ask):
        request = {"model": self.model, "max_tokens": ask.most or 512, "messages": ask.turns}
        if ask.system:
            request["system"] = ask.system
        if ask.tools:
            request["tools"] = [{"name": name, "input_schema": city()} for name in ask.tools]
        if ask.stops:
            request["stop_sequences"] = list(ask.stops)
        if ask.think:
            request["max_tokens"] = 8192
            request["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        return {**request, **ask.more}

    @staticmethod
    def said(answer):
        usage = answer.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        blocks = [block.model_dump(exclude_none=True) for block in answer.content]
        for block in blocks:
            block.pop("parsed_output", None)
        return Said(
            text="".join(block.text for block in answer.content if block.type == "text"),
            stop=answer.stop_reason,
            usage=(usage.input_tokens + cached, usage.output_tokens),
            calls=[
                Call(block.id, block.name, block.input)
                for block in answer.content
                if block.type == "tool_use"
            ],
            reasoning="".join(
                block.thinking for block in answer.content if block.type == "thinking"
            ),
            turns=[{"role": "assistant", "content": blocks}],
        )

    def whole(self, ask):
        return self.said(self.client().messages.create(**self.request(ask)))

    async def whole_async(self, ask):
        async with self.client(anthropic.AsyncAnthropic) as ai:
            return self.said(await ai.messages.create(**self.request(ask)))

    def streamed(self, ask):
        with self.client().messages.stream(**self.request(ask)) as stream:
            texts = list(stream.text_stream)
            final = self.said(stream.get_final_message())
        assert "".join(texts) == final.text
        return final

    async def streamed_async(self, ask):
        async with (
            self.client(anthropic.AsyncAnthropic) as ai,
            ai.messages.stream(**self.request(ask)) as stream,
        ):
            return self.said(await stream.get_final_message())

    def raw(self, ask):
        """The stream without a helper."""
        events = self.client().messages.create(**self.request(ask), stream=True)
        deltas = [event.delta for event in events if event.type == "content_block_delta"]
        return [delta.text for delta in deltas if delta.type == "text_delta"]

    def parsed(self, turns, shape):
        answer = self.client().messages.parse(
            model=self.model, max_tokens=512, messages=turns, output_format=shape
        )
        return answer.parsed_output

    def models(self):
        return [row.id for row in self.client().models.list()]

    def counted(self, turns):
        count = self.client().messages.count_tokens(model=self.model, messages=turns)
        return count.input_tokens
