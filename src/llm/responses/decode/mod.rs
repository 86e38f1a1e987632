//! Reads a request into the common model.

mod content;
mod input;
mod read;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod tools;

use std::borrow::Cow;

use serde_json::value::RawValue;

use input::Conversation;
use read::{Written, misfit};

use super::SPACE;
use crate::Format;
use crate::fields::Fields;
use crate::ir::{Effort, Output, Request, Rest, Show, System, Text, Thinking};
use crate::loose::{self, Raw, loose};
use crate::loss::{Class, Misfit};

/// Why a contract about stored state cannot be kept.
const STATELESS: &str = "nothing is stored between requests: send the whole conversation as input";

loose! {
    struct TextWish<'a> {
        "format" => format: Raw<'a>,
        "verbosity" => verbosity: Raw<'a>,
    }

    struct FormatWish<'a> {
        "type" => kind: loose::Text<'a>,
        "name" => name: Raw<'a>,
        "description" => description: Raw<'a>,
        "schema" => schema: Raw<'a>,
        "strict" => strict: Raw<'a>,
    }

    struct ReasoningWish<'a> {
        "effort" => effort: Raw<'a>,
        "summary" => summary: Raw<'a>,
        "generate_summary" => generate_summary: Raw<'a>,
        "context" => context: Raw<'a>,
        "mode" => mode: Raw<'a>,
    }
}

/// The name of a tool in a namespace; of one in none, the name.
fn spaced<'a>(space: &str, name: Text<'a>) -> Text<'a> {
    match space {
        "" => name,
        space => Cow::Owned(format!("{space}{SPACE}{name}")),
    }
}

/// The request in `body`.
pub(crate) fn decode(body: &[u8]) -> Result<Request<'_>, Misfit> {
    let fields = Fields::read(body).map_err(|error| misfit("body", &format!("is {error}")))?;
    let mut wish = Wish {
        request: Request::new(Format::Responses),
        instructions: None,
        input: None,
        safety_identifier: None,
        asks_logprobs: false,
    };
    for field in fields.list().iter().filter(|field| !field.shadowed) {
        // Read as JSON above.
        let value = serde_json::from_slice::<&RawValue>(field.value.of(body)).ok();
        let value = value.filter(|raw| raw.get() != "null");
        if value.is_some() {
            wish.field(&field.name(body), value)?;
        }
    }
    wish.request()
}

/// A request that is being read.
struct Wish<'a> {
    request: Request<'a>,
    instructions: Option<Text<'a>>,
    input: Option<&'a RawValue>,
    /// Stands before `user`, its older name.
    safety_identifier: Option<Text<'a>>,
    asks_logprobs: bool,
}

impl<'a> Wish<'a> {
    fn field(&mut self, name: &str, value: Written<'a>) -> Result<(), Misfit> {
        let request = &mut self.request;
        match name {
            "model" => request.model = read::text(name, value)?.unwrap_or_default(),
            "stream" => request.stream = read::flag(name, value)?.unwrap_or(false),
            "input" => self.input = value,
            "instructions" => self.instructions = read::word(name, value)?,
            "max_output_tokens" => request.max_output = read::count(name, value)?,
            "temperature" => request.temperature = read::number(name, value)?,
            "top_p" => request.top_p = read::number(name, value)?,
            "top_logprobs" => {
                let count = read::count(name, value)?.filter(|count| *count > 0);
                request.logprobs = count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
            }
            "tools" => request.tools = tools::tools(value)?,
            "tool_choice" => match tools::choice(value)? {
                Ok(choice) => request.tool_choice = choice,
                Err(tools::Hosted) => {
                    self.contract(name, "it names a tool that only its provider can run");
                }
            },
            "parallel_tool_calls" => request.parallel_tools = read::flag(name, value)?,
            "text" => self.text(value)?,
            "reasoning" => self.reasoning(value)?,
            "include" => self.include(value)?,
            "metadata" => {
                let pairs = read::raw_object(name, value)?;
                request.metadata = pairs.filter(|pairs| pairs[1..].trim_start() != "}");
            }
            "user" => request.user = read::word(name, value)?,
            "safety_identifier" => self.safety_identifier = read::word(name, value)?,
            "prompt_cache_key" => request.cache_key = read::word(name, value)?,
            "service_tier" => request.tier = read::word(name, value)?,
            _ => self.state(name, value)?,
        }
        Ok(())
    }

    /// Fields about what a provider keeps, and those that nobody else has.
    fn state(&mut self, name: &str, value: Written<'a>) -> Result<(), Misfit> {
        match name {
            "previous_response_id" | "conversation" | "prompt" => self.contract(name, STATELESS),
            "background" => {
                if read::flag(name, value)? == Some(true) {
                    self.contract(name, "an answer is given at once or not at all");
                }
            }
            // Nothing is stored, and the answer says so.
            "store" if read::flag(name, value)? != Some(true) => {}
            "truncation" if read::text(name, value)?.as_deref() == Some("disabled") => {}
            // Padding against eavesdroppers; there is none.
            "stream_options" => {}
            _ => self.hint(name.to_owned()),
        }
        Ok(())
    }

    fn hint(&mut self, name: String) {
        self.request.rest.push(Rest {
            name: Cow::Owned(name),
            class: Class::Hint,
            reason: "no other format has it",
        });
    }

    fn contract(&mut self, name: &str, reason: &'static str) {
        self.request.rest.push(Rest {
            name: Cow::Owned(name.to_owned()),
            class: Class::Contract,
            reason,
        });
    }

    fn text(&mut self, value: Written<'a>) -> Result<(), Misfit> {
        let wish: TextWish<'a> = read::object("text", value)?.unwrap_or_default();
        self.request.verbosity = read::word("text.verbosity", wish.verbosity.0)?;
        let format: FormatWish<'a> =
            read::object("text.format", wish.format.0)?.unwrap_or_default();
        self.request.output = match &*format.kind.0 {
            "" | "text" => Output::Text,
            "json_object" => Output::Json,
            "json_schema" => Output::Schema {
                name: schema_name(format.name.0)?,
                description: read::word("text.format.description", format.description.0)?,
                schema: read::raw_object("text.format.schema", format.schema.0)?
                    .ok_or_else(|| misfit("text.format.schema", "is missing"))?,
                strict: read::flag("text.format.strict", format.strict.0)?,
            },
            _ => {
                let problem = "must be text, json_object or json_schema";
                return Err(misfit("text.format.type", problem));
            }
        };
        Ok(())
    }

    fn reasoning(&mut self, value: Written<'a>) -> Result<(), Misfit> {
        let wish: ReasoningWish<'a> = read::object("reasoning", value)?.unwrap_or_default();
        if let Some(word) = read::word("reasoning.effort", wish.effort.0)? {
            self.request.reasoning.thinking = match Effort::named(&word) {
                Some(Effort::None) => Thinking::Off,
                Some(effort) => Thinking::Effort(effort),
                None => {
                    let problem = "must be none, minimal, low, medium, high, xhigh or max";
                    return Err(misfit("reasoning.effort", problem));
                }
            };
        }
        let summary = wish.summary.0.or(wish.generate_summary.0);
        let summary = read::word("reasoning.summary", summary)?.is_some();
        // Reasoning is shown to who asks for a summary, to nobody else.
        self.request.reasoning.show = match self.request.reasoning.thinking {
            _ if summary => Show::Shown,
            Thinking::Unset | Thinking::Off => Show::Unset,
            _ => Show::Hidden,
        };
        for (name, value) in [("context", wish.context), ("mode", wish.mode)] {
            if value.0.is_some() {
                self.hint(format!("reasoning.{name}"));
            }
        }
        Ok(())
    }

    fn include(&mut self, value: Written<'a>) -> Result<(), Misfit> {
        for raw in read::array("include", value)? {
            match &*read::text("include", Some(raw))?.unwrap_or_default() {
                // Proofs of reasoning are always given.
                "reasoning.encrypted_content" => {}
                "message.output_text.logprobs" => self.asks_logprobs = true,
                other => self.hint(format!("include.{other}")),
            }
        }
        Ok(())
    }

    fn request(self) -> Result<Request<'a>, Misfit> {
        let mut request = self.request;
        let input = self.input.ok_or_else(|| misfit("input", "is missing"));
        let talk = match (input, request.rest.iter().any(is_contract)) {
            (Ok(input), _) => Conversation::read(input)?,
            // It will be refused for what stands in the input's place.
            (Err(_), true) => Conversation::default(),
            (Err(missing), false) => return Err(missing),
        };
        request.instructed = self.instructions.is_some();
        let first = self.instructions.map(|text| System { text, cache: None });
        request.system = first.into_iter().chain(talk.system).collect();
        request.turns = talk.turns;
        request.rest.extend(talk.rest);
        request.user = self.safety_identifier.or(request.user);
        if self.asks_logprobs {
            request.logprobs = request.logprobs.or(Some(0));
        }
        Ok(request)
    }
}

fn is_contract(rest: &Rest<'_>) -> bool {
    rest.class == Class::Contract
}

fn schema_name(value: Written<'_>) -> Result<Text<'_>, Misfit> {
    const PATH: &str = "text.format.name";
    let name = read::word(PATH, value)?.unwrap_or(Cow::Borrowed("output"));
    match Output::is_name(&name) {
        true => Ok(name),
        false => Err(misfit(PATH, Output::NAME_RULE)),
    }
}
