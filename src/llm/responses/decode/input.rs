//! The conversation: items into turns.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::read::{self, Written, misfit};
use super::{content, spaced};
use crate::Format;
use crate::ir::{
    Origin, Part, Rest, Role, Signature, System, Text, ToolCall, ToolKind, ToolResult, Turn, reveal,
};
use crate::loose::{self, Raw, loose};
use crate::loss::{Class, Misfit};
use crate::normal::mint_id;

loose! {
    struct Item<'a> {
        "type" => kind: loose::Text<'a>,
        "role" => role: loose::Text<'a>,
        "id" => id: loose::Text<'a>,
        "status" => status: loose::Text<'a>,
        "phase" => phase: loose::Text<'a>,
        "content" => content: Raw<'a>,
        "call_id" => call_id: Raw<'a>,
        "name" => name: Raw<'a>,
        "namespace" => namespace: loose::Text<'a>,
        "arguments" => arguments: Raw<'a>,
        "input" => input: Raw<'a>,
        "output" => output: Raw<'a>,
        "summary" => summary: Raw<'a>,
        "encrypted_content" => encrypted: Raw<'a>,
    }

    struct Paragraph<'a> {
        "text" => text: Raw<'a>,
    }
}

/// What the items say.
#[derive(Default)]
pub(super) struct Conversation<'a> {
    /// The leading run of system and developer messages.
    pub(super) system: Vec<System<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    pub(super) rest: Vec<Rest<'a>>,
}

impl<'a> Conversation<'a> {
    /// Reads `input`.
    pub(super) fn read(value: &'a RawValue) -> Result<Conversation<'a>, Misfit> {
        let mut talk = Conversation::default();
        if value.get().starts_with('"') {
            let text = read::text("input", Some(value))?.unwrap_or_default();
            talk.say(0, Role::User, vec![Part::text(text)]);
            return Ok(talk);
        }
        if !value.get().starts_with('[') {
            return Err(misfit("input", "must be a string or an array of items"));
        }
        for (at, raw) in read::array("input", Some(value))?.into_iter().enumerate() {
            talk.item(at, raw)?;
        }
        Ok(talk)
    }

    fn item(&mut self, at: usize, raw: &'a RawValue) -> Result<(), Misfit> {
        let path = format!("input[{at}]");
        let item: Item<'a> =
            read::object(&path, Some(raw))?.ok_or_else(|| misfit(&path, "must be an object"))?;
        match &*item.kind.0 {
            "message" => self.message(at, &path, &item),
            "" if !item.role.0.is_empty() => self.message(at, &path, &item),
            "" if item.id.0.is_empty() => Err(misfit(&path, "needs a `type` or a `role`")),
            "" => {
                self.opaque(at, "item_reference", raw);
                Ok(())
            }
            "reasoning" => self.reasoning(at, &path, &item),
            "function_call" => self.call(at, &path, &item, ToolKind::Function),
            "custom_tool_call" => self.call(at, &path, &item, ToolKind::Custom),
            "function_call_output" | "custom_tool_call_output" => self.result(at, &path, &item),
            kind => {
                self.opaque(at, kind, raw);
                Ok(())
            }
        }
    }

    /// What only the format itself understands.
    fn opaque(&mut self, at: usize, kind: &str, raw: &'a RawValue) {
        let theirs = kind.ends_with("_output") || kind == "mcp_approval_response";
        let part = Part::Opaque {
            origin: Format::Responses,
            kind: Cow::Owned(kind.to_owned()),
            raw: Cow::Borrowed(raw.get()),
            at: 0,
        };
        let role = if theirs { Role::User } else { Role::Assistant };
        self.say(at, role, vec![part]);
    }

    fn message(&mut self, at: usize, path: &str, item: &Item<'a>) -> Result<(), Misfit> {
        if !item.phase.0.is_empty() {
            self.hint(
                "input.phase".to_owned(),
                "no other format tells phases apart",
            );
        }
        let path = format!("{path}.content");
        let parts = content::parts(&path, item.content.0)?;
        match &*item.role.0 {
            "user" if is_empty_list(item.content.0) => Err(misfit(&path, "must not be empty")),
            "user" => {
                self.say(at, Role::User, parts);
                Ok(())
            }
            "assistant" => {
                self.say(at, Role::Assistant, parts);
                Ok(())
            }
            "system" | "developer" => self.instruct(at, &path, parts),
            _ => {
                let path = format!("input[{at}].role");
                Err(misfit(
                    &path,
                    "must be user, assistant, system or developer",
                ))
            }
        }
    }

    fn hint(&mut self, name: String, reason: &'static str) {
        self.rest.push(Rest {
            name: Cow::Owned(name),
            class: Class::Hint,
            reason,
        });
    }

    fn instruct(&mut self, at: usize, path: &str, parts: Vec<Part<'a>>) -> Result<(), Misfit> {
        if !self.turns.is_empty() {
            self.say(at, Role::System, parts);
            return Ok(());
        }
        for part in parts {
            let Part::Text { text, .. } = part else {
                return Err(misfit(path, "must hold text only"));
            };
            self.system.push(System { text, cache: None });
        }
        Ok(())
    }

    /// Reasoning without text or proof stands for what a provider has stored.
    fn reasoning(&mut self, at: usize, path: &str, item: &Item<'a>) -> Result<(), Misfit> {
        let text = match paragraphs(path, item.summary.0)? {
            summary if summary.is_empty() => paragraphs(path, item.content.0)?,
            summary => summary,
        };
        let encrypted = read::word(&format!("{path}.encrypted_content"), item.encrypted.0)?;
        let (text, encrypted) = match encrypted.as_deref().and_then(reveal) {
            Some((words, proof)) => (
                Cow::Owned(words.to_owned()),
                Some(Cow::Owned(proof.to_owned())),
            ),
            None => (text, encrypted),
        };
        let signature = encrypted.and_then(|data| proof(data, &item.id.0));
        if text.is_empty() && signature.is_none() {
            let reason = "nothing is stored here, and it holds neither text nor encrypted content";
            self.hint(path.to_owned(), reason);
            return Ok(());
        }
        self.say(
            at,
            Role::Assistant,
            vec![Part::Reasoning { text, signature }],
        );
        Ok(())
    }

    fn call(
        &mut self,
        at: usize,
        path: &str,
        item: &Item<'a>,
        kind: ToolKind,
    ) -> Result<(), Misfit> {
        let name_path = format!("{path}.name");
        let name = read::word(&name_path, item.name.0)?;
        let name = name.ok_or_else(|| misfit(&name_path, "names no tool"))?;
        let name = spaced(&item.namespace.0, name);
        let id = match read::word(&format!("{path}.call_id"), item.call_id.0)? {
            Some(id) => id,
            None if !item.id.0.is_empty() => Cow::Owned(item.id.0.to_string()),
            None => Cow::Owned(mint_id(at, 0, &name)),
        };
        let args = match kind {
            ToolKind::Function => written(&format!("{path}.arguments"), item.arguments.0)?,
            ToolKind::Custom => written(&format!("{path}.input"), item.input.0)?,
        };
        let call = ToolCall {
            id,
            name,
            args,
            kind,
            signature: None,
            cache: None,
            at: 0,
        };
        self.say(at, Role::Assistant, vec![Part::ToolCall(call)]);
        Ok(())
    }

    fn result(&mut self, at: usize, path: &str, item: &Item<'a>) -> Result<(), Misfit> {
        let id_path = format!("{path}.call_id");
        let id = read::word(&id_path, item.call_id.0)?;
        let id = id.ok_or_else(|| misfit(&id_path, "names no call"))?;
        let output = item.output.0;
        let parts = match output.map_or("", RawValue::get) {
            json if json.starts_with(['"', '[']) => {
                content::parts(&format!("{path}.output"), output)?
            }
            "" => Vec::new(),
            // Not what OpenAI takes, but what it means is plain.
            json => vec![Part::text(json)],
        };
        let result = ToolResult {
            id,
            name: None,
            parts,
            error: item.status.0 == "incomplete",
            cache: None,
            at: 0,
        };
        self.say(at, Role::User, vec![Part::ToolResult(result)]);
        Ok(())
    }

    /// Joins an answer's items into one turn, and a step's results with what the user says next.
    fn say(&mut self, at: usize, role: Role, parts: Vec<Part<'a>>) {
        if let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == role) {
            let after_result = matches!(turn.parts.last(), Some(Part::ToolResult(_)));
            if role == Role::Assistant || (role == Role::User && after_result) {
                turn.take(parts, at);
                return;
            }
        }
        if !parts.is_empty() || role == Role::User {
            self.turns.push(Turn::new(role, parts, at));
        }
    }
}

fn is_empty_list(value: Written<'_>) -> bool {
    let inside = value.and_then(|raw| raw.get().strip_prefix('['));
    inside.is_some_and(|rest| rest.trim_start() == "]")
}

/// The texts of a list, as paragraphs.
fn paragraphs<'a>(path: &str, value: Written<'a>) -> Result<Text<'a>, Misfit> {
    let mut all: Text<'a> = Cow::Borrowed("");
    for paragraph in read::objects::<Paragraph<'a>>(value) {
        let Some(text) = read::word(path, paragraph.text.0)? else {
            continue;
        };
        if all.is_empty() {
            all = text;
        } else {
            let all = all.to_mut();
            all.push_str("\n\n");
            all.push_str(&text);
        }
    }
    Ok(all)
}

/// The proof of reasoning: of this format, or wrapped for its clients.
fn proof<'a>(data: Text<'a>, id: &str) -> Option<Signature<'a>> {
    if Signature::is_wrapped(&data) {
        return Signature::unwrap(&data);
    }
    let mut proof = Signature::native(Origin::Responses, data);
    proof.id = (!id.is_empty()).then(|| Cow::Owned(id.to_owned()));
    Some(proof)
}

/// A string's content, or the JSON of anything else.
fn written<'a>(path: &str, value: Written<'a>) -> Result<Text<'a>, Misfit> {
    match value.map(RawValue::get) {
        Some(json) if !json.starts_with('"') => Ok(Cow::Borrowed(json)),
        _ => Ok(read::text(path, value)?.unwrap_or_default()),
    }
}
