//! Watches a Responses answer.

use super::heard::{Item, Response, Step};
use crate::chat::usage::Seen;
use crate::dialect::Quirks;
use crate::fault::{self, Fault, FaultClass};
use crate::loose::{self, Slot};
use crate::meter::{Kind, Piece, Report};

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
        let Some(Slot(Some(step))) = loose::json::<Slot<Step<'_>>>(piece.json) else {
            return Kind::Unread;
        };
        self.take(&step, piece, report)
    }

    /// The same, of what was read already.
    pub(crate) fn take(&mut self, step: &Step<'_>, piece: Piece<'_>, report: &mut Report) -> Kind {
        if let Some(number) = step.sequence.0 {
            report.sequence = Some(number);
        }
        let name = std::str::from_utf8(piece.name).unwrap_or("");
        let kind = if step.kind.0.is_empty() {
            name
        } else {
            &*step.kind.0
        };
        match kind {
            "" if step.object.0 == "response" => self.whole(step, piece, report),
            "" if step.error.0 || step.message.0 => report.fail(fault::read(200, piece.json)),
            "error" => report.fail(fault::read(200, piece.json)),
            "response.output_item.added" => {
                self.fresh = true;
                report.content |= step.item.0.as_deref().is_some_and(acts);
            }
            "response.output_item.done" => {
                if let Some(item) = &step.item.0 {
                    self.items.add(item);
                    report.content |= acts(item);
                    self.tell_items(report);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.end(kind, step, piece, report);
            }
            "response.created" | "response.queued" | "response.in_progress" => {
                self.begin(step, report);
            }
            _ => self.said(kind, step, report),
        }
        Kind::Event
    }

    fn begin(&mut self, step: &Step<'_>, report: &mut Report) {
        if let Some(response) = &step.response.0 {
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

    fn said(&mut self, kind: &str, step: &Step<'_>, report: &mut Report) {
        // What a hosted shell printed is not the model's word, and audio is no text.
        if kind.ends_with("_output_content.delta") || kind == "response.audio.delta" {
            report.content = true;
        } else if kind.ends_with(".delta") {
            self.fresh = false;
            report.say(&step.delta.0);
        } else if kind.ends_with(".done") && self.fresh && !step.full.spoken().is_empty() {
            self.fresh = false;
            report.say(step.full.spoken());
        } else if kind.contains("_call.") {
            report.content = true;
        }
    }

    fn end(&mut self, kind: &str, step: &Step<'_>, piece: Piece<'_>, report: &mut Report) {
        report.terminal = true;
        if let Some(response) = &step.response.0 {
            self.response(response, report);
        }
        if kind == "response.failed" {
            report.fail(failure(piece));
        } else {
            report.content = true;
        }
    }

    fn whole(&mut self, step: &Step<'_>, piece: Piece<'_>, report: &mut Report) {
        self.response(&step.whole, report);
        report.terminal = true;
        if step.error.0 || step.whole.status.0 == "failed" {
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
                    report.say(&item.summary.words());
                    report.say(&item.content.words());
                    report.say(item.args.written());
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
