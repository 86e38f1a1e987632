//! Does away with `allOf`, which no provider takes together with closed objects.

use std::collections::HashSet;

use serde_json::Value;

use super::refs::resolve;
use super::{Holds, Keywords};

/// References inside `allOf` that are written out in one schema; each copies what it means.
const MAX_RESOLVED: usize = 64;

/// Schemas inside schemas below which nothing is written out any more: what is written out
/// may hold more of the kind.
const MAX_DEPTH: usize = 64;

/// Joins the entries of every `allOf` into the schema around it: properties and required names are
/// gathered, of other keywords the first counts. `false` when that allows more than the schema
/// did: entries contradict each other, or a reference leads nowhere.
pub(super) fn join_all_of(schema: &mut Value) -> bool {
    let root = schema.clone();
    let mut joiner = Joiner {
        root: &root,
        resolved: 0,
        depth: 0,
        exact: true,
    };
    joiner.visit(schema);
    joiner.exact
}

struct Joiner<'a> {
    root: &'a Value,
    resolved: usize,
    depth: usize,
    exact: bool,
}

impl Joiner<'_> {
    fn visit(&mut self, schema: &mut Value) {
        self.depth += 1;
        match schema {
            Value::Array(schemas) => schemas.iter_mut().for_each(|one| self.visit(one)),
            Value::Object(keywords) => self.keywords(keywords),
            _ => {}
        }
        self.depth -= 1;
    }

    fn keywords(&mut self, keywords: &mut Keywords) {
        while let Some(Value::Array(entries)) = keywords.shift_remove("allOf") {
            let alone = entries.len() == 1 && !keywords.contains_key("properties");
            for entry in entries {
                self.entry(keywords, entry, alone);
            }
            once(keywords.get_mut("required"));
        }
        for (key, value) in keywords {
            match (Holds::of(key), value) {
                (Holds::Schemas, schemas) => self.visit(schemas),
                (Holds::Named | Holds::Definitions, Value::Object(named)) => {
                    named.values_mut().for_each(|one| self.visit(one));
                }
                _ => {}
            }
        }
    }

    /// `alone`: a reference may stay one.
    fn entry(&mut self, keywords: &mut Keywords, entry: Value, alone: bool) {
        let Value::Object(mut entry) = entry else {
            return;
        };
        if !alone && let Some(Value::String(reference)) = entry.shift_remove("$ref") {
            self.resolved += 1;
            let within = self.resolved <= MAX_RESOLVED && self.depth <= MAX_DEPTH;
            let root = self.root;
            match resolve(root, &reference) {
                Some(Value::Object(meant)) if within => {
                    self.join_each(keywords, meant.clone());
                }
                _ => self.exact = false,
            }
        }
        self.join_each(keywords, entry);
    }

    fn join_each(&mut self, keywords: &mut Keywords, entry: Keywords) {
        for (key, value) in entry {
            // Definitions are found at the root.
            if key != "$defs" && key != "definitions" {
                self.exact &= join(keywords, key, value);
            }
        }
    }
}

/// Leaves each name in the list once. Done after the joining: comparing each name with all before
/// it took 7 s for 20,000 entries, unoptimised.
fn once(names: Option<&mut Value>) {
    if let Some(Value::Array(names)) = names {
        let mut seen = HashSet::new();
        names.retain(|name| {
            name.as_str()
                .is_none_or(|name| seen.insert(name.to_owned()))
        });
    }
}

fn join(schema: &mut Keywords, key: String, value: Value) -> bool {
    match (schema.get_mut(&key), value) {
        (None, value) => {
            schema.insert(key, value);
            true
        }
        (Some(Value::Object(mine)), Value::Object(more)) if key == "properties" => {
            let mut exact = true;
            for (name, property) in more {
                exact &= mine.get(&name).is_none_or(|known| *known == property);
                mine.entry(name).or_insert(property);
            }
            exact
        }
        (Some(Value::Array(mine)), Value::Array(more)) if key == "required" || key == "allOf" => {
            mine.extend(more);
            true
        }
        // Words about the schema bind nobody.
        (Some(_), _) if key == "title" || key == "description" => true,
        (Some(mine), value) => *mine == value,
    }
}
