//! Watches a Responses answer.

use crate::chat::usage::{Seen, Tokens};
use crate::dialect::Quirks;
use crate::fault::{self, Fault, FaultClass};
use crate::loose::{self, Count, List, Raw, Slot, Text, Truthy, Words, loose};
use crate::meter::{Kind, Piece, Report};

loose! {
    /// An event of a stream, or the whole response object: their members do not clash.
    struct Event<'a> {
        "type" => kind: Text<'a>,
        "sequence_number" => sequence: Count,
        "response" => response: Slot<Response<'a>>,
        "item" => item: Slot<Item<'a>>,
        "delta" => delta: Text<'a>,
        "text" | "arguments" | "input" | "refusal" => done: Text<'a>,
        "error" => error: Truthy,
        "message" | "detail" => message: Truthy,
        "object" => object: Text<'a>,
    }

    struct Response<'a> {
        "object" => object: Text<'a>,
        "model" => model: Text<'a>,
        "status" => status: Text<'a>,
        "incomplete_details" => incomplete: Slot<Incomplete<'a>>,
        "error" => error: Truthy,
        "output" => output: List<Item<'a>>,
        "tools" => tools: List<Tool<'a>>,
        "usage" => usage: Slot<Tokens>,
    }

    struct Incomplete<'a> {
        "reason" => reason: Text<'a>,
    }

    struct Item<'a> {
        "type" => kind: Text<'a>,
        "action" => action: Slot<Action<'a>>,
        "content" => content: Words<'a>,
        "summary" => summary: Words<'a>,
        "arguments" | "input" => arguments: Raw<'a>,
    }

    struct Action<'a> {
        "type" => kind: Text<'a>,
    }

    struct Tool<'a> {
        "type" => kind: Text<'a>,
    }
}

/// Output items by what they mean for the bill.
#[derive(Clone, Copy, Debug, Default)]
struct Items {
    client_calls: u32,
    searches: u64,
    file_searches: u64,
    interpreters: u64,
    images: u64,
}

impl Items {
    fn add(&mut self, item: &Item<'_>) {
        match &*item.kind.0 {
            "function_call" | "custom_tool_call" | "local_shell_call" | "computer_call"
            | "apply_patch_call" => self.client_calls = self.client_calls.saturating_add(1),
            // Opening a page and looking through it cost nothing, searching does:
            // <https://platform.openai.com/docs/guides/tools-web-search>.
            "web_search_call" => match &item.action.0 {
                Some(action) if !matches!(&*action.kind.0, "" | "search") => {}
                _ => self.searches += 1,
            },
            "file_search_call" => self.file_searches += 1,
            "code_interpreter_call" => self.interpreters += 1,
            "image_generation_call" => self.images += 1,
            _ => {}
        }
    }
}

/// What has to be remembered between events.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    seen: Seen,
    items: Items,
    /// The request's search tool is the one with the older name and price.
    preview_search: bool,
    /// An item was opened and none of its text came yet, so that a `…done` has all of it.
    fresh: bool,
}

impl Meter {
    pub(crate) fn read(&mut self, piece: Piece<'_>, report: &mut Report) -> Kind {
        let Some(Slot(Some(event))) = loose::json::<Slot<Event<'_>>>(piece.json) else {
            return Kind::Unread;
        };
        if let Some(number) = event.sequence.0 {
            report.sequence = Some(number);
        }
        let name = std::str::from_utf8(piece.name).unwrap_or("");
        let kind = if event.kind.0.is_empty() {
            name
        } else {
            &*event.kind.0
        };
        match kind {
            "" if event.object.0 == "response" => self.whole(piece, report),
            "" if event.error.0 || event.message.0 => report.fail(fault::read(200, piece.json)),
            "error" => report.fail(fault::read(200, piece.json)),
            "response.output_item.added" => {
                self.fresh = true;
                report.content |= event.item.0.as_ref().is_some_and(acts);
            }
            "response.output_item.done" => {
                if let Some(item) = &event.item.0 {
                    self.items.add(item);
                    report.content |= acts(item);
                    self.tell_items(report);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.end(kind, &event, piece, report);
            }
            "response.created" | "response.queued" | "response.in_progress" => {
                self.begin(&event, report);
            }
            _ => self.said(kind, &event, report),
        }
        Kind::Event
    }

    fn begin(&mut self, event: &Event<'_>, report: &mut Report) {
        if let Some(response) = &event.response.0 {
            self.head(response, report);
        }
    }

    fn head(&mut self, response: &Response<'_>, report: &mut Report) {
        report.answered_by(&response.model.0);
        self.preview_search |= response
            .tools
            .items()
            .iter()
            .any(|tool| tool.kind.0.starts_with("web_search_preview"));
    }

    fn said(&mut self, kind: &str, event: &Event<'_>, report: &mut Report) {
        // What a hosted shell printed is not the model's word, and audio is no text.
        if kind.ends_with("_output_content.delta") || kind == "response.audio.delta" {
            report.content = true;
        } else if kind.ends_with(".delta") {
            self.fresh = false;
            report.say(&event.delta.0);
        } else if kind.ends_with(".done") && self.fresh && !event.done.0.is_empty() {
            self.fresh = false;
            report.say(&event.done.0);
        } else if kind.contains("_call.") {
            report.content = true;
        }
    }

    fn end(&mut self, kind: &str, event: &Event<'_>, piece: Piece<'_>, report: &mut Report) {
        report.terminal = true;
        if let Some(response) = &event.response.0 {
            self.response(response, report);
        }
        if kind == "response.failed" {
            report.fail(failure(piece));
        } else {
            report.content = true;
        }
    }

    fn whole(&mut self, piece: Piece<'_>, report: &mut Report) {
        let Some(Slot(Some(response))) = loose::json::<Slot<Response<'_>>>(piece.json) else {
            return;
        };
        self.response(&response, report);
        report.terminal = true;
        if response.error.0 || response.status.0 == "failed" {
            report.fail(failure(piece));
        }
    }

    /// Reads a response object that is as complete as it will be.
    fn response(&mut self, response: &Response<'_>, report: &mut Report) {
        self.head(response, report);
        if let Some(tokens) = &response.usage.0 {
            self.seen.take(tokens);
            self.seen.tell(Quirks::NONE, report);
        }
        let output = response.output.items();
        if !output.is_empty() {
            self.items = Items::default();
            output.iter().for_each(|item| self.items.add(item));
        }
        self.tell_items(report);
        if report.output_bytes == 0 {
            for item in output {
                report.content |= acts(item);
                if is_said_by_model(item) {
                    report.say(&item.summary.0);
                    report.say(&item.content.0);
                    report.say(&item.arguments.spoken());
                }
            }
        }
        let reason = response
            .incomplete
            .0
            .as_ref()
            .map_or("", |details| &*details.reason.0);
        let status = &*response.status.0;
        if status != "failed" {
            report.stopped(if reason.is_empty() { status } else { reason });
        }
    }

    fn tell_items(&self, report: &mut Report) {
        report.tool_calls = self.items.client_calls;
        let search = if self.preview_search {
            "web_search_preview"
        } else {
            "web_search"
        };
        report.used(search, self.items.searches);
        report.used("file_search", self.items.file_searches);
        report.used("code_interpreter", self.items.interpreters);
        report.used("image_generation", self.items.images);
    }
}

/// Whether an item alone is something that a user sees or acts on.
fn acts(item: &Item<'_>) -> bool {
    !matches!(&*item.kind.0, "" | "message" | "reasoning")
}

/// The inputs of tools that others filled in are no output tokens.
fn is_said_by_model(item: &Item<'_>) -> bool {
    !item.kind.0.ends_with("_output")
}

fn failure(piece: Piece<'_>) -> Fault {
    let mut fault = fault::read(200, piece.json);
    if fault.class == FaultClass::Unknown {
        fault.class = FaultClass::Server;
    }
    fault
}
