//! `GET /api/config`: what is in force, and where it comes from. No secret is shown.

mod sections;

use axum::Json;
use axum::extract::State;
use config::rows::DocumentKind;
use config::{Live, Snapshot};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use self::sections::{sections, with_origins};
use crate::documents::origin_name;
use crate::effective;
use crate::problem::{Finding, Problem};
use crate::state::AdminState;

/// The configuration that runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Effective {
    number: u64,
    generation: String,
    /// Section, key, and `{value, origin}`: `default`, or `file` for what says something else.
    #[schema(value_type = Object)]
    sections: Map<String, Value>,
    /// Name, settings and origin (`file`, `store`) of each.
    #[schema(value_type = Vec<Object>)]
    channels: Vec<Value>,
    /// The same of groups.
    #[schema(value_type = Vec<Object>)]
    groups: Vec<Value>,
    /// User group -> used group -> ratio.
    #[schema(value_type = Object)]
    group_ratios: Value,
    /// Names and origins of the models that are not built in.
    #[schema(value_type = Vec<Object>)]
    models: Vec<Value>,
    /// Names of the keys in the files.
    tokens: Vec<String>,
    /// What is wrong with channels, groups, models, users and keys of the store that are not in force for
    /// it, at least as they are there.
    problems: Vec<Finding>,
    warnings: Vec<Finding>,
}

/// The configuration that runs, without its secrets.
#[utoipa::path(get, path = "/api/config", tag = "configuration",
    responses((status = 200, body = Effective)))]
pub(crate) async fn show(State(state): State<AdminState>) -> Result<Json<Effective>, Problem> {
    state
        .work(|state| Ok(Json(effective(&state.live.full(), &state.live))))
        .await
}

fn effective(snapshot: &Snapshot, live: &Live) -> Effective {
    let mut tokens: Vec<_> = snapshot
        .tokens
        .values()
        .map(|token| token.name.to_string())
        .collect();
    tokens.sort_unstable();
    let named = |kind, name: &str, settings| {
        let origin = origin_name(snapshot.origin(kind, name));
        json!({ "name": name, "origin": origin, "settings": settings })
    };
    let channels = snapshot.channels.iter().map(|channel| {
        let settings = effective::channel(channel);
        named(DocumentKind::Channel, &channel.name, settings)
    });
    let groups = snapshot.groups.iter();
    let groups =
        groups.map(|(name, group)| named(DocumentKind::Group, name, effective::group(group)));
    let models = snapshot
        .origins
        .iter()
        .filter(|((kind, _), _)| *kind == DocumentKind::Model);
    let models = models
        .map(|((_, name), origin)| json!({ "name": name, "origin": origin_name(Some(*origin)) }));
    let ratios = snapshot.group_ratios.iter().map(|(user, used)| {
        let used = used
            .iter()
            .map(|(name, ratio)| (name.clone(), effective::ratio(*ratio)));
        (user.clone(), Value::Object(used.collect()))
    });
    Effective {
        number: snapshot.number,
        generation: snapshot.generation.to_string(),
        sections: with_origins(sections(snapshot)),
        channels: channels.collect(),
        groups: groups.collect(),
        group_ratios: Value::Object(ratios.collect()),
        models: models.collect(),
        tokens,
        problems: live.unreadable().into_iter().map(Finding::from).collect(),
        warnings: snapshot
            .warnings
            .iter()
            .cloned()
            .map(Finding::from)
            .collect(),
    }
}
