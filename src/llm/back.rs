//! Turns the tools of an answer back into what the caller knows: its own names, its custom tools,
//! and text where a schema was asked for by forcing a tool.
//!
//! Done once, on events, so that no encoder has to know what the request's encoder did.

use crate::convert::Back;
use crate::freetext::FreeText;
use crate::ir::{BlockKind, Delta, Event, Stop, ToolKind};

/// The machine: the upstream's events in, the caller's out; one for one but for deltas.
#[derive(Debug)]
pub(crate) struct WayBack {
    back: Back,
    /// Nothing has to be turned back.
    idle: bool,
    /// Open blocks whose deltas change.
    open: Vec<(u32, Turned)>,
    /// Choices that called the forced tool, and whether they called others, too.
    forced: Vec<(u32, bool)>,
    text: String,
}

#[derive(Debug)]
enum Turned {
    /// The forced tool; whether it got arguments.
    Json(bool),
    Custom(FreeText),
}

impl WayBack {
    pub(crate) fn new(back: &Back) -> WayBack {
        let idle = back.names.is_empty() && back.custom.is_empty() && back.json_tool.is_none();
        WayBack {
            back: Back {
                names: back.names.clone(),
                custom: back.custom.clone(),
                json_tool: back.json_tool,
                ..Back::default()
            },
            idle,
            open: Vec::new(),
            forced: Vec::new(),
            text: String::new(),
        }
    }

    /// Takes the upstream's next event.
    pub(crate) fn event(&mut self, event: Event<'_>, each: &mut dyn FnMut(Event<'_>)) {
        if self.idle {
            return each(event);
        }
        match event {
            Event::Open {
                block,
                choice,
                kind: BlockKind::Tool { id, name, kind },
            } => {
                let kind = self.tool(block, choice, (id, name, kind));
                each(Event::Open {
                    block,
                    choice,
                    kind,
                });
            }
            Event::Delta { block, delta } => self.delta(block, delta, each),
            Event::Close { block } => self.close(block, each),
            Event::Stop {
                choice,
                stop: Stop::ToolCalls,
            } if self.forced.contains(&(choice, false)) => each(Event::Stop {
                choice,
                stop: Stop::End,
            }),
            other => each(other),
        }
    }

    /// A call begins: id, name and kind. What the caller sees of it.
    fn tool<'a>(
        &'a mut self,
        block: u32,
        choice: u32,
        (id, name, kind): (&'a str, &'a str, ToolKind),
    ) -> BlockKind<'a> {
        if self.back.json_tool == Some(name) {
            self.open.push((block, Turned::Json(false)));
            if !self.forced.iter().any(|(of, _)| *of == choice) {
                self.forced.push((choice, false));
            }
            return BlockKind::Text;
        }
        for (of, others) in &mut self.forced {
            *others |= *of == choice;
        }
        let custom = self.back.custom.iter().any(|custom| custom == name);
        if custom && kind == ToolKind::Function {
            self.open.push((block, Turned::Custom(FreeText::new())));
        }
        BlockKind::Tool {
            id,
            name: self.back.names.original(name),
            kind: if custom { ToolKind::Custom } else { kind },
        }
    }

    fn delta(&mut self, block: u32, delta: Delta<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let turned = self.open.iter_mut().find(|(open, _)| *open == block);
        match (turned.map(|(_, turned)| turned), delta) {
            (Some(Turned::Json(said)), Delta::Args(text)) => {
                *said = true;
                let delta = Delta::Text(text);
                each(Event::Delta { block, delta });
            }
            // Text has no proof.
            (Some(Turned::Json(_)), _) => {}
            (Some(Turned::Custom(input)), Delta::Args(args)) => {
                self.text.clear();
                input.push(args, &mut self.text);
                tell(block, &self.text, each);
            }
            (_, delta) => each(Event::Delta { block, delta }),
        }
    }

    fn close(&mut self, block: u32, each: &mut dyn FnMut(Event<'_>)) {
        if let Some(place) = self.open.iter().position(|(open, _)| *open == block) {
            match self.open.swap_remove(place).1 {
                // No arguments are an empty object.
                Turned::Json(false) => each(Event::Delta {
                    block,
                    delta: Delta::Text("{}"),
                }),
                Turned::Json(true) => {}
                Turned::Custom(input) => {
                    self.text.clear();
                    input.finish(&mut self.text);
                    tell(block, &self.text, each);
                }
            }
        }
        each(Event::Close { block });
    }
}

fn tell(block: u32, text: &str, each: &mut dyn FnMut(Event<'_>)) {
    if !text.is_empty() {
        let delta = Delta::Args(text);
        each(Event::Delta { block, delta });
    }
}

#[cfg(test)]
#[path = "back_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
