//! Translates one stream and ends: `bench-load --instructions` runs it under callgrind.

use std::hint::black_box;

use benches::pairs::{Pair, events};
use clap::Parser;
use llm::Format;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Translates a stream of text from one format to another, without a gateway around it.
#[derive(Parser)]
struct Args {
    /// What the upstream speaks: chat, responses, messages, gemini.
    from: Format,
    /// What the client speaks.
    to: Format,
    /// Pieces of text.
    chunks: usize,
    /// The stream is written, but not translated.
    #[arg(long)]
    unread: bool,
}

fn main() {
    let args = Args::parse();
    let events = black_box(events(args.from, args.chunks));
    let (from, to) = (args.from, args.to);
    if !args.unread {
        black_box(Pair { from, to }.translate(&events));
    }
}
