//! Reads the wanted shape of the answer's text, `response_format`.

use crate::chat::read::Value;
use crate::ir::Output;
use crate::loss::Misfit;

/// The shape that `response_format` asks for.
pub(super) fn output(value: Value<'_>) -> Result<Output<'_>, Misfit> {
    let path = || "response_format.type".to_owned();
    let kind = value.get("type").map(|kind| kind.string(path));
    match kind.transpose()?.flatten().as_deref() {
        Some("text") => Ok(Output::Text),
        Some("json_object") => Ok(Output::Json),
        Some("json_schema") => schema(value),
        _ => Err(Misfit::malformed(
            "response_format.type",
            "must be \"text\", \"json_object\" or \"json_schema\"",
        )),
    }
}

fn schema(value: Value<'_>) -> Result<Output<'_>, Misfit> {
    let Some(asked) = value.get("json_schema").filter(|asked| asked.is_object()) else {
        return Err(Misfit::malformed(
            "response_format.json_schema",
            "must be an object with `name` and `schema`",
        ));
    };
    let path = |member: &str| format!("response_format.json_schema.{member}");
    let name = match asked.get("name") {
        Some(name) => name.string(|| path("name"))?.unwrap_or_default(),
        None => "".into(),
    };
    if !Output::is_name(&name) {
        return Err(Misfit::malformed(path("name"), Output::NAME_RULE));
    }
    let Some(schema) = asked.get("schema") else {
        // Any object fits a schema that says nothing.
        return Ok(Output::Json);
    };
    if !schema.is_object() {
        return Err(schema.wrong(path("schema"), "a JSON schema"));
    }
    let description = asked.get("description");
    let strict = asked.get("strict");
    Ok(Output::Schema {
        name,
        description: description
            .map(|text| text.string(|| path("description")))
            .transpose()?
            .flatten(),
        schema: schema.raw(),
        strict: strict
            .map(|flag| flag.flag(|| path("strict")))
            .transpose()?
            .flatten(),
    })
}
