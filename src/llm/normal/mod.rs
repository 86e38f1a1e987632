//! What every encoder does to a request before it writes it: each target picks its passes.

mod args;
mod foreign;
mod names;
mod pairs;
mod turns;

pub(crate) use args::{Loose, arguments};
pub(crate) use foreign::drop_foreign;
pub(crate) use names::{Alphabet, Mint, Names, fix_ids, fix_names, mint_id};
pub(crate) use pairs::pair_tools;
pub(crate) use turns::{
    Blank, drop_empty, inline_system, lead_with_user, merge_turns, speak_for_system,
};
