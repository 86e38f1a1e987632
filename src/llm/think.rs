//! Shows reasoning inside `<think>…</think>` in the answer's text, for callers that know no other.

use crate::ir::{BlockKind, Delta, Event};

const BEGIN: &str = "<think>\n";
const END: &str = "\n</think>\n";

/// The machine: events in, events out. Reasoning without words is left out, so that blocks are
/// numbered anew.
#[derive(Debug)]
pub(crate) struct Aloud {
    next: u32,
    /// Open blocks: the upstream's number, and what became of it.
    open: Vec<(u32, Heard)>,
}

#[derive(Clone, Copy, Debug)]
enum Heard {
    /// Another block, by its new number.
    Other(u32),
    /// Reasoning of a choice that has said nothing yet.
    Silent(u32),
    /// Reasoning that is being said, by the number of its text block.
    Aloud(u32),
}

impl Aloud {
    pub(crate) fn new() -> Aloud {
        Aloud {
            next: 0,
            open: Vec::new(),
        }
    }

    /// Takes the next event.
    pub(crate) fn event(&mut self, event: Event<'_>, each: &mut dyn FnMut(Event<'_>)) {
        match event {
            Event::Open {
                block,
                choice,
                kind: BlockKind::Reasoning,
            } => self.open.push((block, Heard::Silent(choice))),
            Event::Open {
                block,
                choice,
                kind,
            } => {
                let ours = self.begin(choice, kind, each);
                self.open.push((block, Heard::Other(ours)));
            }
            Event::Delta { block, delta } => self.delta(block, delta, each),
            Event::Close { block } => self.close(block, each),
            other => each(other),
        }
    }

    fn begin(&mut self, choice: u32, kind: BlockKind<'_>, each: &mut dyn FnMut(Event<'_>)) -> u32 {
        let block = self.next;
        self.next += 1;
        each(Event::Open {
            block,
            choice,
            kind,
        });
        block
    }

    fn delta(&mut self, theirs: u32, delta: Delta<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let Some(place) = self.open.iter().position(|(block, _)| *block == theirs) else {
            return;
        };
        let block = match (self.open[place].1, &delta) {
            (Heard::Other(block), _) | (Heard::Aloud(block), Delta::Text(_)) => block,
            (Heard::Silent(choice), Delta::Text(_)) => {
                let block = self.begin(choice, BlockKind::Text, each);
                self.open[place].1 = Heard::Aloud(block);
                say(block, BEGIN, each);
                block
            }
            // Text has no proof.
            _ => return,
        };
        each(Event::Delta { block, delta });
    }

    fn close(&mut self, theirs: u32, each: &mut dyn FnMut(Event<'_>)) {
        let Some(place) = self.open.iter().position(|(block, _)| *block == theirs) else {
            return;
        };
        match self.open.swap_remove(place).1 {
            Heard::Other(block) => each(Event::Close { block }),
            Heard::Silent(_) => {}
            Heard::Aloud(block) => {
                say(block, END, each);
                each(Event::Close { block });
            }
        }
    }
}

fn say(block: u32, text: &str, each: &mut dyn FnMut(Event<'_>)) {
    let delta = Delta::Text(text);
    each(Event::Delta { block, delta });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Grammar, Origin, Signature, Stop};

    const START: Event<'_> = Event::Start { id: "", model: "" };

    fn open(block: u32, kind: BlockKind<'_>) -> Event<'_> {
        Event::Open {
            block,
            choice: 0,
            kind,
        }
    }

    fn text(block: u32, text: &str) -> Event<'_> {
        Event::Delta {
            block,
            delta: Delta::Text(text),
        }
    }

    fn check(given: &[Event<'_>], wanted: &[Event<'_>]) {
        let (mut aloud, mut nth) = (Aloud::new(), 0);
        let mut grammar = Grammar::default();
        for event in given {
            aloud.event(event.clone(), &mut |event| {
                assert_eq!(grammar.see(&event), Ok(()), "{event:?}");
                assert_eq!(Some(&event), wanted.get(nth));
                nth += 1;
            });
        }
        assert_eq!(nth, wanted.len(), "events are missing");
    }

    #[test]
    fn reasoning_becomes_text_between_marks() {
        let stop = Event::Stop {
            choice: 0,
            stop: Stop::End,
        };
        check(
            &[
                START,
                open(0, BlockKind::Reasoning),
                text(0, "let me"),
                text(0, " see"),
                Event::Delta {
                    block: 0,
                    delta: Delta::Signature(Signature::native(Origin::Messages, "s")),
                },
                Event::Close { block: 0 },
                open(1, BlockKind::Text),
                text(1, "42"),
                Event::Close { block: 1 },
                stop.clone(),
                Event::End,
            ],
            &[
                START,
                open(0, BlockKind::Text),
                text(0, BEGIN),
                text(0, "let me"),
                text(0, " see"),
                text(0, END),
                Event::Close { block: 0 },
                open(1, BlockKind::Text),
                text(1, "42"),
                Event::Close { block: 1 },
                stop,
                Event::End,
            ],
        );
    }

    #[test]
    fn reasoning_without_words_leaves_no_trace() {
        check(
            &[
                START,
                open(0, BlockKind::Reasoning),
                Event::Close { block: 0 },
                open(1, BlockKind::Text),
                text(1, "42"),
                Event::Close { block: 1 },
            ],
            &[
                START,
                open(0, BlockKind::Text),
                text(0, "42"),
                Event::Close { block: 0 },
            ],
        );
    }
}
