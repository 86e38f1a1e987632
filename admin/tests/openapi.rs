//! The document: what it says is what is served.

use serde_json::{Value, json};

use super::client::{Api, CONFIG, call};

async fn document(api: &Api) -> Value {
    let answer = api.get("/api/openapi.json").await;
    assert_eq!(answer.status, 200);
    answer.json()
}

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let api = Api::start(CONFIG).await;
    call(api.address, "GET", "/api/openapi.json", "")
        .await
        .problem(401);
    let mut document = document(&api).await;
    document["info"]["version"] = json!("its own");
    insta::assert_json_snapshot!("openapi", document);
}

/// Both are made of one list (`routes`); this holds the list against what is served.
#[tokio::test]
async fn every_operation_is_served_and_no_other_method_is() {
    let api = Api::start(CONFIG).await;
    let document = document(&api).await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 24, "{}", paths.len());
    for (path, item) in paths {
        let target = path.replace("{name}", "x").replace("{id}", "x");
        for method in ["get", "post", "put", "patch", "delete"] {
            if (path, method) == (&"/api/reload".to_owned(), "post") {
                continue;
            }
            let answer = api.send(&method.to_uppercase(), &target, &json!({})).await;
            let documented = item.get(method).is_some();
            assert_eq!(
                answer.status != 405,
                documented,
                "{method} {path}: {answer:?}"
            );
        }
    }
}

/// Every operation names its parameters, and every `$ref` leads somewhere.
#[tokio::test]
async fn the_document_is_whole() {
    let api = Api::start(CONFIG).await;
    let document = document(&api).await;
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut ids = std::collections::HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let named: Vec<&str> = parameters(operation).collect();
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
                let part = part.trim_end_matches('}');
                assert!(named.contains(&part), "{method} {path}: {named:?}");
            }
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
        }
    }
    assert!(!document.to_string().contains("sk-up"));
}

fn parameters(operation: &Value) -> impl Iterator<Item = &str> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.map(|parameter| parameter["name"].as_str().unwrap())
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "$ref" => references.push(text.clone()),
                    _ => collect(value, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
