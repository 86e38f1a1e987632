//! Reads the conversation: which message belongs to which turn.

use super::hint;
use super::part::{self, Parts};
use super::tools;
use crate::chat::detail::Detail;
use crate::chat::read::Value;
use crate::ir::{Part, Request, Role, System, Text, ToolResult, Turn};
use crate::loose::List;
use crate::loss::Misfit;

/// A message as it stands.
struct Message<'a> {
    at: usize,
    role: Text<'a>,
    content: Option<Value<'a>>,
    name: Option<Text<'a>>,
    cache: Option<Value<'a>>,
    whole: Value<'a>,
}

/// Reads every message into the request.
pub(super) fn conversation<'a>(
    messages: Value<'a>,
    request: &mut Request<'a>,
) -> Result<(), Misfit> {
    let mut reader = Reader {
        request,
        legacy: Vec::new(),
        calls: 0,
        results: false,
    };
    let messages = messages.list(|| "messages".to_owned())?;
    for (at, message) in messages.into_iter().enumerate() {
        reader.message(Message::read(at, message)?)?;
    }
    Ok(())
}

impl<'a> Message<'a> {
    fn read(at: usize, whole: Value<'a>) -> Result<Message<'a>, Misfit> {
        if !whole.is_object() {
            return Err(whole.wrong(format!("messages[{at}]"), "an object"));
        }
        let [role, content, name, cache] = whole.pick(["role", "content", "name", "cache_control"]);
        let role = role.and_then(Value::text).unwrap_or_default();
        let name = match name {
            Some(name) => name.string(|| format!("messages[{at}].name"))?,
            None => None,
        };
        Ok(Message {
            at,
            role,
            content,
            name,
            cache,
            whole,
        })
    }

    fn path(&self, member: &str) -> String {
        format!("messages[{}].{member}", self.at)
    }

    /// The content; none, null and empty text are no parts.
    fn parts(&self) -> Result<Parts<'a>, Misfit> {
        let mut parts = match self.content {
            Some(content) => part::parts(content, &self.path("content"))?,
            None => Parts::new(),
        };
        if let Some(mark) = self.cache.and_then(part::cache_mark) {
            part::mark_last(&mut parts, mark);
        }
        Ok(parts)
    }
}

struct Reader<'r, 'a> {
    request: &'r mut Request<'a>,
    /// Ids minted for older function calls that still wait for their result.
    legacy: Vec<String>,
    /// Older function calls so far.
    calls: usize,
    /// The last message was a tool's: what the user says next joins its turn.
    results: bool,
}

impl<'a> Reader<'_, 'a> {
    fn message(&mut self, message: Message<'a>) -> Result<(), Misfit> {
        match &*message.role {
            "system" | "developer" => self.system(message),
            "user" => self.user(message),
            "assistant" => self.assistant(message),
            "tool" => self.tool(message),
            "function" => self.function(message),
            _ => Err(Misfit::malformed(
                message.path("role"),
                "must be one of system, developer, user, assistant, tool",
            )),
        }
    }

    /// The leading run stands before the conversation; later ones in it.
    fn system(&mut self, message: Message<'a>) -> Result<(), Misfit> {
        let parts = message.parts()?;
        if !parts.iter().all(|part| matches!(part, Part::Text { .. })) {
            let problem = "of a system message must be text";
            return Err(Misfit::malformed(message.path("content"), problem));
        }
        if !self.request.turns.is_empty() {
            self.turn(Role::System, parts, message.at, message.name);
            return Ok(());
        }
        let blocks = parts.into_iter().filter_map(|part| match part {
            Part::Text { text, cache, .. } => Some(System { text, cache }),
            _ => None,
        });
        self.request.system.extend(blocks);
        if message.name.is_some() {
            self.request.rest.push(hint(message.path("name").into()));
        }
        Ok(())
    }

    fn user(&mut self, message: Message<'a>) -> Result<(), Misfit> {
        if message.content.is_none() {
            return Err(Misfit::malformed(message.path("content"), "is missing"));
        }
        let parts = message.parts()?;
        if self.results
            && let Some(turn) = self.request.turns.last_mut()
        {
            turn.take(parts, message.at);
            turn.name = message.name;
            self.results = false;
            return Ok(());
        }
        self.turn(Role::User, parts, message.at, message.name);
        Ok(())
    }

    fn tool(&mut self, message: Message<'a>) -> Result<(), Misfit> {
        let id = message.whole.get("tool_call_id").and_then(Value::text);
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            return Err(Misfit::malformed(
                message.path("tool_call_id"),
                "must be the id of the call that is answered",
            ));
        };
        self.result(message, id)
    }

    /// An older function's result answers the oldest call that waits.
    fn function(&mut self, message: Message<'a>) -> Result<(), Misfit> {
        if self.legacy.is_empty() {
            return Err(Misfit::malformed(
                message.path("role"),
                "answers no `function_call` before it",
            ));
        }
        let id = self.legacy.remove(0);
        self.result(message, id.into())
    }

    fn result(&mut self, message: Message<'a>, id: Text<'a>) -> Result<(), Misfit> {
        let cache = message.cache.and_then(part::cache_mark);
        let parts = match message.content {
            Some(content) => part::parts(content, &message.path("content"))?,
            None => Parts::new(),
        };
        if !parts
            .iter()
            .all(|part| matches!(part, Part::Text { .. } | Part::Media { .. }))
        {
            let problem = "of a tool's result must be text, images or files";
            return Err(Misfit::malformed(message.path("content"), problem));
        }
        let result = Part::ToolResult(ToolResult {
            id,
            name: message.name,
            parts,
            error: false,
            cache,
            at: 0,
        });
        match self.request.turns.last_mut() {
            Some(turn) if self.results => turn.take(vec![result], message.at),
            _ => self.turn(Role::User, vec![result], message.at, None),
        }
        self.results = true;
        Ok(())
    }

    /// Reasoning comes first, then what was said, then the calls.
    fn assistant(&mut self, message: Message<'a>) -> Result<(), Misfit> {
        let [refusal, annotations, audio, calls, legacy] = message.whole.pick([
            "refusal",
            "annotations",
            "audio",
            "tool_calls",
            "function_call",
        ]);
        let mut parts = reasoning(message.whole);
        parts.extend(message.parts()?);
        if let Some(annotations) = annotations {
            part::cite(&mut parts, annotations);
        }
        if let Some(refusal) = refusal.and_then(Value::text)
            && !refusal.is_empty()
        {
            parts.push(Part::Refusal(refusal));
        }
        parts.extend(audio.map(|audio| part::opaque("audio", audio)));
        let turn = self.request.turns.len();
        if let Some(calls) = calls {
            let calls = calls.list(|| message.path("tool_calls"))?;
            for (place, call) in calls.into_iter().enumerate() {
                let path = || message.path(&format!("tool_calls[{place}]"));
                parts.push(tools::call(call, (turn, place), path)?);
            }
        }
        if let Some(call) = legacy {
            let id = format!("call_fc_{}", self.calls);
            self.calls += 1;
            self.legacy.push(id.clone());
            let path = || message.path("function_call");
            parts.push(tools::legacy_call(call, id, path)?);
        }
        self.turn(Role::Assistant, parts, message.at, message.name);
        Ok(())
    }

    fn turn(&mut self, role: Role, parts: Parts<'a>, at: usize, name: Option<Text<'a>>) {
        self.results = false;
        self.request.turns.push(Turn {
            name,
            ..Turn::new(role, parts, at)
        });
    }
}

/// Reasoning that the client gives back: the list with its proofs, else plain text.
fn reasoning(message: Value<'_>) -> Parts<'_> {
    let names = ["reasoning_details", "reasoning_content", "reasoning"];
    let [details, content, plain] = message.pick(names);
    let mut parts = details.map(detailed).unwrap_or_default();
    if parts.is_empty() {
        let text = [content, plain]
            .into_iter()
            .find_map(|value| value.and_then(Value::text).filter(|text| !text.is_empty()));
        parts.extend(text.map(|text| Part::Reasoning {
            text,
            signature: None,
        }));
    }
    parts
}

fn detailed(details: Value<'_>) -> Parts<'_> {
    let json = details.raw();
    let entries: List<Detail<'_>> = serde_json::from_str(&json).unwrap_or_default();
    let mut parts = Parts::new();
    for entry in entries.items() {
        let signature = entry.proof();
        if !entry.said().is_empty() || signature.is_some() {
            parts.push(Part::Reasoning {
                text: entry.said().to_owned().into(),
                signature,
            });
        }
    }
    parts
}
