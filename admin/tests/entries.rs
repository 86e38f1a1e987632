//! Entries: money that moves once.

use serde_json::{Value, json};

use super::client::{Api, CONFIG};
use super::users::alice;

const ENTRIES: &str = "/api/users/alice/entries";

async fn api() -> Api {
    let api = Api::start(CONFIG).await;
    alice(&api).await;
    api
}

#[tokio::test]
async fn money_moves_once_for_each_id() {
    let api = api().await;
    let body = json!({ "id": "inv-1", "kind": "top_up", "amount": "25.50", "note": "invoice 1" });
    let posted = api.send("POST", ENTRIES, &body).await;
    assert_eq!(posted.status, 201, "{posted:?}");
    let entry = &posted.json()["entry"];
    assert_eq!(
        (&entry["id"], &entry["amount"]),
        (&json!("inv-1"), &json!("25.500000000"))
    );
    assert_eq!(
        (&entry["user"], &entry["author"]),
        (&json!("alice"), &json!("admin"))
    );
    assert_eq!(posted.json()["balance"]["left"], "25.500000000");

    let again = api.send("POST", ENTRIES, &body).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.json(), posted.json(), "nothing changed");
    let other = json!({ "id": "inv-1", "kind": "top_up", "amount": "26", "note": "invoice 1" });
    api.send("POST", ENTRIES, &other).await.problem(409);

    let header = "idempotency-key: \"refund-7\"\r\n";
    for status in [201, 200] {
        let body = r#"{"kind": "adjustment", "amount": -0.5}"#;
        let answer = api.send_with("POST", ENTRIES, header, body).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["balance"]["credited"], "25.000000000");
    }
    let unnamed = json!({ "kind": "credit", "amount": 1 });
    for left in ["26.000000000", "27.000000000"] {
        let answer = api.send("POST", ENTRIES, &unnamed).await;
        assert_eq!(answer.json()["balance"]["left"], left);
    }
    let user = api.get("/api/users/alice").await.json();
    assert_eq!(user["balance"]["left"], "27.000000000");
}

#[tokio::test]
async fn what_is_no_entry_says_why() {
    let api = api().await;
    for (body, path) in [
        (json!({ "kind": "gift", "amount": 1 }), "kind"),
        (json!({ "amount": 1 }), "kind"),
        (json!({ "kind": "credit" }), "amount"),
        (json!({ "kind": "credit", "amount": 0 }), "amount"),
        (json!({ "kind": "credit", "amount": -1 }), "amount"),
        (json!({ "kind": "credit", "amount": "1e3" }), "amount"),
        (
            json!({ "kind": "credit", "amount": "0.0000000001" }),
            "amount",
        ),
        (
            json!({ "kind": "credit", "amount": "99999999999" }),
            "amount",
        ),
        (json!({ "kind": "credit", "amount": true }), "amount"),
        (json!({ "kind": "credit", "amount": 1, "id": "" }), "id"),
        (json!({ "kind": "credit", "amount": 1, "id": "a b" }), "id"),
        (
            json!({ "kind": "credit", "amount": 1, "id": "x".repeat(129) }),
            "id",
        ),
        (
            json!({ "kind": "credit", "amount": 1, "note": "\u{0}" }),
            "note",
        ),
        (
            json!({ "kind": "credit", "amount": 1, "user": "bob" }),
            "user",
        ),
    ] {
        let refused = api.send("POST", ENTRIES, &body).await;
        assert_eq!(refused.paths(), [path], "{body}");
    }
    let body = json!({ "kind": "credit", "amount": 1 });
    api.send("POST", "/api/users/bob/entries", &body)
        .await
        .problem(404);
    api.send("POST", "/api/users/root/entries", &body)
        .await
        .problem(404);
    let most = json!({ "kind": "credit", "amount": "9000000000" });
    assert_eq!(api.send("POST", ENTRIES, &most).await.status, 201);
    api.send("POST", ENTRIES, &most).await.problem(409);
}

#[tokio::test]
async fn entries_are_listed_newest_first() {
    let api = api().await;
    api.send("POST", "/api/users", &json!({ "name": "bob" }))
        .await;
    for n in 0..3 {
        let body = json!({ "id": format!("e{n}"), "kind": "credit", "amount": 1 });
        api.send("POST", ENTRIES, &body).await;
    }
    let body = json!({ "id": "b", "kind": "credit", "amount": 1 });
    api.send("POST", "/api/users/bob/entries", &body).await;
    let ids = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|entry| entry["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let page = api.get(&format!("{ENTRIES}?limit=2")).await.json();
    assert_eq!(ids(&page), ["e2", "e1"]);
    let next = page["next"].as_str().unwrap();
    let rest = api
        .get(&format!("{ENTRIES}?limit=2&cursor={next}"))
        .await
        .json();
    assert_eq!(
        (ids(&rest), &rest["next"]),
        (vec!["e0".to_owned()], &Value::Null)
    );
    assert_eq!(
        ids(&api.get("/api/entries").await.json()),
        ["b", "e2", "e1", "e0"]
    );
    assert_eq!(ids(&api.get("/api/entries?user=bob").await.json()), ["b"]);
    api.get("/api/users/carl/entries").await.problem(404);
    api.get("/api/entries?kind=credit").await.problem(400);
    let log = api.get("/api/audit?subject=user:bob").await.json();
    assert_eq!(log["items"][0]["action"], "entry.post");
    assert_eq!(log["items"][0]["became"]["amount"], "1.000000000");
}
