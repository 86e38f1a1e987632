"""OpenAI's SDK, Responses."""

import json

import openai

from . import wire
from .said import Call, Said, city


class Responses:
    format = "responses"
    DONE, LENGTH, CALLS = "completed", "max_output_tokens", "completed"
    BAD, GONE, FAST, BUSY = (
        openai.BadRequestError,
        openai.NotFoundError,
        openai.RateLimitError,
        openai.InternalServerError,
    )

    def __init__(self, where, model):
        self.where, self.model, self.ids = where, model, []

    def client(self, kind=openai.OpenAI):
        return wire.openai_client(kind, self)

    @staticmethod
    def user(text, image=None):
        parts = [{"type": "input_text", "text": text}]
        if image:
            parts.append({"type": "input_image", "image_url": image, "detail": "auto"})
        return [{"role": "user", "content": parts if image else text}]

    @staticmethod
    def results(calls, texts):
        return [
            {"type": "function_call_output", "call_id": call.id, "output": text}
            for call, text in zip(calls, texts, strict=True)
        ]

    def request(self, ask):
        request = {"model": self.model, "input": ask.turns, "store": False}
        if ask.system:
            request["instructions"] = ask.system
        if ask.tools:
            request["tools"] = [
                {"type": "function", "name": name, "parameters": city(), "strict": False}
                for name in ask.tools
            ]
        if ask.most:
            request["max_output_tokens"] = ask.most
        if ask.think:
            request["reasoning"] = {"effort": "medium", "summary": "auto"}
            request["include"] = ["reasoning.encrypted_content"]
        return {**request, **ask.more}

    @staticmethod
    def said(answer):
        thoughts = [item for item in answer.output if item.type == "reasoning"]
        details = answer.incomplete_details
        return Said(
            text=answer.output_text,
            stop=details.reason if details else answer.status,
            usage=(answer.usage.input_tokens, answer.usage.output_tokens),
            calls=[
                Call(item.call_id, item.name, json.loads(item.arguments))
                for item in answer.output
                if item.type == "function_call"
            ],
            reasoning="".join(part.text for item in thoughts for part in item.summary),
            turns=[
                item.model_dump(exclude_none=True, exclude={"parsed_arguments"})
                for item in answer.output
            ],
        )

    def whole(self, ask):
        return self.said(self.client().responses.create(**self.request(ask)))

    async def whole_async(self, ask):
        async with self.client(openai.AsyncOpenAI) as ai:
            return self.said(await ai.responses.create(**self.request(ask)))

    def streamed(self, ask):
        with self.client().responses.stream(**self.request(ask)) as stream:
            events = list(stream)
        # What `get_final_response` gives, which raises when the answer was cut.
        assert events[-1].type in ("response.completed", "response.incomplete")
        answer = events[-1].response
        texts = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert "".join(texts) == answer.output_text
        return self.said(answer)

    async def streamed_async(self, ask):
        async with (
            self.client(openai.AsyncOpenAI) as ai,
            ai.responses.stream(**self.request(ask)) as stream,
        ):
            async for _ in stream:
                pass
            return self.said(await stream.get_final_response())

    def raw(self, ask):
        """The stream without a helper."""
        events = self.client().responses.create(**self.request(ask), stream=True)
        return [event.delta for event in events if event.type == "response.output_text.delta"]

    def parsed(self, turns, shape):
        answer = self.client().responses.parse(model=self.model, input=turns, text_format=shape)
        return answer.output_parsed

    def models(self):
        return [row.id for row in self.client().models.list()]
