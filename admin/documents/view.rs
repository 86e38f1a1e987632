//! A document as clients see it.

use config::rows::{Document, DocumentKind};
use config::snapshot::Origin;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::secrets::masked;
use crate::said::object;
use crate::state::AdminState;

/// A group or a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct Item {
    pub(crate) name: String,
    /// `file` (read-only), `store`, or `default` of what is built in.
    #[schema(value_type = String)]
    pub(crate) origin: &'static str,
    /// In the words of the configuration.
    #[schema(value_type = Object)]
    pub(crate) settings: Map<String, Value>,
    /// Of a row of the store; what `ETag` says.
    pub(crate) revision: Option<u64>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
}

impl Item {
    /// What is not in the store.
    pub(crate) fn elsewhere(
        name: &str,
        origin: Option<Origin>,
        settings: Map<String, Value>,
    ) -> Item {
        Item {
            name: name.to_owned(),
            origin: origin_name(origin),
            settings,
            revision: None,
            created_at: None,
            updated_at: None,
        }
    }
}

pub(crate) fn origin_name(origin: Option<Origin>) -> &'static str {
    match origin {
        Some(Origin::File) => "file",
        Some(Origin::Store) => "store",
        None => "default",
    }
}

/// A document of the store, without its secrets.
pub(crate) fn stored(state: &AdminState, document: &Document) -> Item {
    Item {
        name: document.name.clone(),
        origin: "store",
        settings: shown(state, document),
        revision: Some(document.revision),
        created_at: Some(document.created_at),
        updated_at: Some(document.updated_at),
    }
}

/// The document as the audit log has it.
pub(crate) fn told(state: &AdminState, document: &Document) -> Value {
    Value::Object(shown(state, document))
}

fn shown(state: &AdminState, document: &Document) -> Map<String, Value> {
    let settings = object(&document.body);
    match document.kind {
        DocumentKind::Channel => {
            let snapshot = state.live.load();
            masked(&document.name, settings, snapshot.sealer.as_ref())
        }
        DocumentKind::Group | DocumentKind::Model => settings,
    }
}
