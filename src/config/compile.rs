//! Turns what was read into a snapshot, or into every problem at once.

mod accounts;
mod address;
mod auth;
mod channel;
mod checks;
mod conversion;
mod environment;
mod groups;
mod idle;
mod journal;
mod limits;
mod listen;
mod models;
mod network;
mod options;
mod place;
mod retention;
mod routing;
mod rules;
mod sections;
mod store;
mod tokens;
mod upstream;

use std::sync::Arc;

use secrecy::SecretString;

use crate::compile::environment::Environment;
use crate::documents;
use crate::health::LaneBook;
use crate::plan::Routes;
use crate::problem::Problem;
use crate::provider::Providers;
use crate::raw::Node;
use crate::reader::{Field, Problems};
use crate::rows::Document;
use crate::seal::Sealer;
use crate::snapshot::{LimitSettings, Origins, Retention, Snapshot};
use crate::source::Sources;

pub(crate) use accounts::{check_key, check_user, token, user};
pub(crate) use groups::DEFAULT;

/// The snapshot of `sources`, the `number`th of this process. Lanes are taken from `lanes`, so
/// that what is known about an account's health outlives the snapshot; a configuration with
/// errors touches none of them.
///
/// Warnings come with the snapshot; when there are errors, everything comes in the order of reading.
pub fn compile(sources: &Sources, lanes: &LaneBook, number: u64) -> Result<Snapshot, Vec<Problem>> {
    compile_with(sources, &[], lanes, number)
}

/// The same of `sources` and the documents of the store together.
pub(crate) fn compile_with(
    sources: &Sources,
    documents: &[Document],
    lanes: &LaneBook,
    number: u64,
) -> Result<Snapshot, Vec<Problem>> {
    let mut problems = sources.problems.clone();
    let sealer = store::sealer_of(sources);
    let (root, origins) =
        documents::merge(&sources.root, documents, sealer.as_ref(), &mut problems);
    let problems = Problems::new(problems);
    let draft = read(sources, &root, &problems);
    let found = problems.into_vec();
    match draft {
        Some(draft) if !found.iter().any(Problem::is_error) => {
            let hash = documents::hash(sources.hash(), documents);
            let mut snapshot = draft.into_snapshot(lanes, number, &hash);
            snapshot.origins = origins;
            snapshot.warnings = found;
            let more = checks::warnings(&snapshot, sources.read_at);
            snapshot.warnings.extend(more);
            Ok(snapshot)
        }
        _ => Err(found),
    }
}

/// A configuration without lanes and routes.
struct Draft {
    sections: sections::Sections,
    store: String,
    redis: Option<SecretString>,
    sealer: Option<Sealer>,
    limits: LimitSettings,
    retention: Retention,
    journal: ledger::journal::Options,
    groups: groups::Groups,
    channels: Vec<channel::Draft>,
    prices: crate::price::PriceBook,
    tokens: tokens::Tokens,
}

/// Reads everything; `None` only when something is missing that has been reported.
fn read(sources: &Sources, root: &Node, problems: &Problems) -> Option<Draft> {
    let environment = Environment::new(&sources.environment, problems);
    let mut root = Field::root(root, problems).map();
    let sections = sections::read(&mut root, &environment);
    let places = store::read(&mut root, &environment);
    let retention = retention::read(&mut root);
    let journal = journal::read(&mut root);
    let limits = limits::settings(&mut root);
    let groups = groups::read(&mut root);
    let context = channel::Context {
        providers: Providers::builtin(),
        environment: &environment,
        groups: &groups,
        timeouts: sections.gateway.timeouts,
        strictness: conversion::strictness(&root.take("conversion")).unwrap_or_default(),
    };
    let channels = channel::read_all(&mut root, &context);
    let prices = models::read(&mut root);
    let tokens = tokens::read(&mut root, &groups, sources.read_at);
    root.finish();
    Some(Draft {
        sections,
        store: places.store?,
        redis: places.redis,
        sealer: places.sealer,
        limits,
        retention,
        journal,
        groups,
        channels: channels?,
        prices,
        tokens,
    })
}

impl Draft {
    fn into_snapshot(self, lanes: &LaneBook, number: u64, hash: &str) -> Snapshot {
        let channels: Vec<_> = self
            .channels
            .into_iter()
            .map(|draft| Arc::new(draft.into_channel(lanes)))
            .collect();
        Snapshot {
            number,
            generation: format!("{number}-{hash}").into(),
            gateway: self.sections.gateway,
            admin: self.sections.admin,
            metrics: self.sections.metrics,
            store: self.store,
            redis: self.redis,
            retention: self.retention,
            journal: self.journal,
            billing: self.sections.billing,
            limits: self.limits,
            log: self.sections.log,
            routes: Routes::build(&channels, self.groups.auto),
            channels,
            tokens: self.tokens.by_hash,
            prices: self.prices,
            groups: self.groups.by_name,
            group_ratios: self.groups.ratios,
            warnings: Vec::new(),
            waiting: 0,
            origins: Origins::new(),
            sealer: self.sealer,
        }
    }
}

#[cfg(test)]
mod tests;
