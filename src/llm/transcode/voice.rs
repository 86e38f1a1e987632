//! The caller's side: events become its stream, or its whole answer.

use super::formats::{self, Encoder};
use super::keeper::Keeper;
use super::{Envelope, TranscodeOptions};
use crate::back::WayBack;
use crate::convert::Back;
use crate::fault::Telling;
use crate::frame::write::Writer;
#[cfg(debug_assertions)]
use crate::ir::Grammar;
use crate::ir::{Collector, Event};
use crate::tap::{Framing, Report};
use crate::think::Aloud;
use crate::{Format, Usage};

/// What says an answer to the caller.
#[derive(Debug)]
pub(super) struct Voice {
    way_back: WayBack,
    /// Shows reasoning as text.
    aloud: Option<Aloud>,
    mouth: Mouth,
    keeper: Option<Keeper>,
    /// The caller is told what was used.
    tells_usage: bool,
    input_estimate: u64,
    /// Counted by whoever has the time.
    output_estimate: Option<u64>,
}

/// Where events go in the end.
#[derive(Debug)]
struct Mouth {
    to: Format,
    out: Writer,
    speaker: Speaker,
    /// Something of an answer was heard.
    begun: bool,
    /// A block of it was heard.
    spoke: bool,
    /// A choice has stopped, so that the answer may end.
    stopped: bool,
    too_large: bool,
    #[cfg(debug_assertions)]
    grammar: Grammar,
}

#[derive(Debug)]
enum Speaker {
    Stream(Encoder),
    Whole {
        collector: Collector,
        envelope: Envelope,
        back: Back,
    },
}

impl Voice {
    pub(super) fn new(options: TranscodeOptions) -> Voice {
        Voice {
            way_back: WayBack::new(&options.back),
            aloud: options.thinking_to_content.then(Aloud::new),
            keeper: None,
            tells_usage: options.to != Format::Chat
                || options.wanted == Framing::Whole
                || options.back.include_usage,
            input_estimate: options.input_estimate,
            output_estimate: None,
            mouth: Mouth {
                to: options.to,
                out: Writer::new(options.wanted),
                speaker: match options.wanted {
                    Framing::Whole => Speaker::Whole {
                        collector: Collector::default(),
                        envelope: options.envelope,
                        back: options.back,
                    },
                    _ => {
                        Speaker::Stream(Encoder::new(options.to, &options.envelope, &options.back))
                    }
                },
                begun: false,
                spoke: false,
                stopped: false,
                too_large: false,
                #[cfg(debug_assertions)]
                grammar: Grammar::default(),
            },
        }
    }

    /// Says the next event of the upstream's.
    pub(super) fn event(&mut self, event: Event<'_>) {
        if let Some(keeper) = &mut self.keeper {
            keeper.see(&event);
        }
        let (aloud, mouth) = (&mut self.aloud, &mut self.mouth);
        self.way_back.event(event, &mut |event| match aloud {
            Some(aloud) => aloud.event(event, &mut |event| mouth.event(&event)),
            None => mouth.event(&event),
        });
    }

    /// Keeps proofs from now on.
    pub(super) fn keep_proofs(&mut self) {
        self.keeper = Some(Keeper::default());
    }

    /// What was kept.
    pub(super) fn take_proofs(&mut self) -> Vec<(String, String)> {
        let keeper = self.keeper.as_mut();
        keeper.map(Keeper::take).unwrap_or_default()
    }

    /// The upstream's piece was heard to its end.
    pub(super) fn pause(&mut self) {
        if let Speaker::Stream(encoder) = &mut self.mouth.speaker {
            encoder.pause(&mut self.mouth.out);
        }
    }

    /// Whether anything of an answer was heard.
    pub(super) fn begun(&self) -> bool {
        self.mouth.begun
    }

    /// The caller's format.
    pub(super) fn speaks(&self) -> Format {
        self.mouth.to
    }

    /// Whether a block of the answer was heard.
    pub(super) fn spoke(&self) -> bool {
        self.mouth.spoke
    }

    /// Whether the answer came to a stop.
    pub(super) fn stopped(&self) -> bool {
        self.mouth.stopped
    }

    /// Whether the answer is too large to be collected.
    pub(super) fn too_large(&self) -> bool {
        self.mouth.too_large
    }

    /// Whether the caller is told what was used: chat's streams say it on demand.
    pub(super) fn tells_usage(&self) -> bool {
        self.tells_usage
    }

    /// Takes counts in place of rough estimates.
    pub(super) fn count(&mut self, input: u64, output: u64) {
        self.input_estimate = input;
        self.output_estimate = Some(output);
    }

    /// The last events: what it used, and that it is complete.
    pub(super) fn end(&mut self, report: &Report) {
        self.mouth.event(&Event::Usage(&self.usage(report)));
        self.mouth.event(&Event::End);
        self.mouth.out.close();
    }

    /// As reported; by estimate where the upstream says nothing.
    fn usage(&self, report: &Report) -> Usage {
        let mut usage = report.usage;
        if !report.input_known {
            usage.input = self.input_estimate;
        }
        if !report.output_known {
            // Four bytes are about one token.
            let rough = report.output_bytes.div_ceil(4);
            usage.output = self.output_estimate.unwrap_or(rough);
        }
        usage
    }

    /// The bytes that became certain since the last call; a whole answer is there when it `ended`.
    pub(super) fn take(&mut self, ended: bool) -> Vec<u8> {
        let mouth = &mut self.mouth;
        match &mouth.speaker {
            Speaker::Stream(_) => mouth.out.take(),
            Speaker::Whole { .. } if !ended => Vec::new(),
            Speaker::Whole {
                collector,
                envelope,
                back,
            } => formats::whole(mouth.to, collector.reply(), envelope, back),
        }
    }

    /// The bytes that end a stream with an error. Empty for a whole answer.
    pub(super) fn fail(&mut self, telling: &Telling<'_>) -> Vec<u8> {
        let mouth = &mut self.mouth;
        match &mut mouth.speaker {
            Speaker::Stream(encoder) => {
                encoder.fail(telling, &mut mouth.out);
                mouth.out.close();
                mouth.out.take()
            }
            Speaker::Whole { .. } => Vec::new(),
        }
    }
}

impl Mouth {
    fn event(&mut self, event: &Event<'_>) {
        #[cfg(debug_assertions)]
        if let Err(breach) = self.grammar.see(event) {
            panic!("{breach}: {event:?}");
        }
        self.begun = true;
        self.spoke |= matches!(event, Event::Open { .. });
        self.stopped |= matches!(event, Event::Stop { .. });
        match &mut self.speaker {
            Speaker::Stream(encoder) => encoder.event(event, &mut self.out),
            Speaker::Whole { .. } if self.too_large => {}
            Speaker::Whole { collector, .. } => self.too_large = !collector.take(event),
        }
    }
}
