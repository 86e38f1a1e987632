//! From the asked model to the candidates that may answer.

use config::health::Tick;
use config::plan::{self, NoPlan, Wanted};
use config::snapshot::Snapshot;
use llm::{suffix, upgrade};

use crate::exchange::{Exchange, Route};
use crate::reject::{Cause, Refusal};

/// The route of an exchange whose body is understood.
pub(crate) fn of(snapshot: &Snapshot, exchange: &Exchange) -> Result<Route, Refusal> {
    let model = exchange.model();
    if !allows(exchange, model) {
        return Err(Refusal::new(
            Cause::Forbidden,
            format!(
                "this API key may not use the model '{model}'; GET /v1/models lists what it may"
            ),
        ));
    }
    let wanted = Wanted {
        group: &exchange.token.group,
        user_group: exchange.user_group(),
        model,
        format: exchange.format,
        operation: exchange.operation,
        thinks_with_tools: exchange.asked.as_ref().is_some_and(|asked| {
            upgrade::thinks_with_tools(exchange.format, &asked.ask, &asked.body)
        }),
    };
    let plan = plan::plan(snapshot, &wanted, Tick::now(), &mut rand::rng())
        .map_err(|none| refusal(none, model, exchange))?;
    let priced = |upstream: &str| {
        snapshot
            .prices
            .price(model, upstream, exchange.at)
            .is_some()
    };
    if snapshot.billing.refuse_unpriced
        && !plan
            .candidates
            .iter()
            .all(|candidate| priced(&candidate.model))
    {
        return Err(Refusal::new(
            Cause::UnknownModel,
            format!("the model '{model}' has no price here; ask the operator to set one"),
        )
        .at(Some("model")));
    }
    Ok(Route::new(plan))
}

/// Whether the key may ask for the model; who may ask for it may also say how hard it is to think.
fn allows(exchange: &Exchange, model: &str) -> bool {
    let token = &exchange.token;
    let base = || suffix::split(model).is_some_and(|(base, _)| token.allows_model(base));
    token.allows_model(model) || base()
}

fn refusal(none: NoPlan, model: &str, exchange: &Exchange) -> Refusal {
    match none {
        NoPlan::UnknownModel | NoPlan::NotInGroup => Refusal::new(
            Cause::UnknownModel,
            format!("the model '{model}' is not served here; GET /v1/models lists what is"),
        )
        .at(Some("model")),
        NoPlan::OtherFormat { formats } => {
            let spoken: Vec<&str> = formats.iter().map(|format| format.as_str()).collect();
            Refusal::new(
                Cause::Malformed,
                format!(
                    "the model '{model}' is only served in the format {}, and {} requests cannot be converted to it",
                    spoken.join(" or "),
                    exchange.operation.as_str()
                ),
            )
            .at(Some("model"))
        }
        NoPlan::AllDown { retry_after } => Refusal::new(
            Cause::Unavailable,
            format!("every upstream for the model '{model}' is out of service at the moment; try again later"),
        )
        .after(retry_after),
    }
}
