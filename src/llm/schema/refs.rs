//! What `$ref` points to.

use std::collections::HashMap;

use serde_json::Value;

use super::Holds;

/// References that may lead to one another in a row; a longer way counts as a circle.
const MAX_CHAIN: usize = 64;

/// The schema that `reference` (`#/$defs/x`) means inside `root`.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    root.pointer(pointer)
}

/// Whether some schema contains itself.
pub(super) fn is_recursive(root: &Value) -> bool {
    Search {
        root,
        seen: HashMap::new(),
    }
    .circles("#", 0)
}

struct Search<'a> {
    root: &'a Value,
    /// References that were followed; `true`: to their end.
    seen: HashMap<&'a str, bool>,
}

impl<'a> Search<'a> {
    fn circles(&mut self, reference: &'a str, chain: usize) -> bool {
        match self.seen.get(reference) {
            Some(done) => return !done,
            None if chain > MAX_CHAIN => return true,
            None => self.seen.insert(reference, false),
        };
        let mut found = Vec::new();
        if let Some(schema) = resolve(self.root, reference) {
            gather(schema, &mut found);
        }
        let circles = found.into_iter().any(|next| self.circles(next, chain + 1));
        self.seen.insert(reference, true);
        circles
    }
}

/// The references in a schema, those of its definitions left out.
fn gather<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Array(schemas) => schemas.iter().for_each(|one| gather(one, found)),
        Value::Object(keywords) => {
            if let Some(Value::String(reference)) = keywords.get("$ref") {
                found.push(reference);
            }
            for (key, value) in keywords {
                match (Holds::of(key), value) {
                    (Holds::Schemas, schemas) => gather(schemas, found),
                    (Holds::Named, Value::Object(named)) => {
                        named.values().for_each(|one| gather(one, found));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}
