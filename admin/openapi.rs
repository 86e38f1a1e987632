//! `GET /api/openapi.json`: the API as a document. It is made of the same list as the routes.

use std::sync::OnceLock;

use axum::Json;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

use crate::routes;

/// How the security scheme is called.
const BEARER: &str = "admin_key";

/// The document of this API (OpenAPI 3.1).
#[utoipa::path(get, path = "/api/openapi.json", tag = "process", responses((status = 200, body = Object)))]
pub(crate) async fn show() -> Json<&'static OpenApi> {
    static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();
    Json(DOCUMENT.get_or_init(document))
}

/// Handlers have short names, and operations have unique ones: `get_users_name`.
pub(crate) fn document() -> OpenApi {
    let (_, mut document) = routes().split_for_parts();
    for (path, item) in &mut document.paths.paths {
        let words = path.trim_start_matches("/api/").replace(['{', '}'], "");
        for (method, operation) in operations(item) {
            let id = format!("{method}_{}", words.replace(['/', '.'], "_"));
            operation.operation_id = Some(id);
        }
    }
    document
}

/// What can be done at a path, by method.
pub(crate) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    let there = all.into_iter();
    there.filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The frame of the document; routes bring their parts.
pub(crate) fn frame() -> OpenApi {
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let info = InfoBuilder::new()
        .title("Tollgate admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Lists are `{items, next}`; `next` is the `cursor` of the next page. Money is USD as decimal \
             strings. Errors are `application/problem+json` (RFC 9457); an unknown parameter or member is one.",
        ));
    OpenApiBuilder::new()
        .info(info.build())
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme(BEARER, scheme)
                .build(),
        ))
        .security(Some([SecurityRequirement::new(
            BEARER,
            Vec::<String>::new(),
        )]))
        .build()
}
