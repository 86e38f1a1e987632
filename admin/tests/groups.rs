//! `/api/groups` and `/api/models`: what is in force, and rows beside the files.

use serde_json::{Value, json};

use super::client::{Api, CONFIG};

async fn api() -> Api {
    let more = "groups: { vip: { ratio: 0.8, usable_by: [vip] }, auto: { order: [vip, default] } }\n\
        models: { mine: { price: { input: 2.5, output: 10 }, max_output: 100 } }\n";
    Api::start(&format!("{CONFIG}{more}")).await
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn groups_of_files_and_store_are_one_list() {
    let api = api().await;
    let body = json!({ "name": "pro", "ratio": "0.5", "limits": { "rpm": 5 } });
    let made = api.send("POST", "/api/groups", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.json()["settings"],
        json!({ "ratio": "0.5", "limits": { "rpm": 5 } })
    );
    let list = api.get("/api/groups").await.json();
    assert_eq!(names(&list), ["auto", "default", "pro", "vip"]);
    let origins: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["origin"])
        .collect();
    assert_eq!(origins, ["file", "default", "store", "file"]);
    assert_eq!(
        list["items"][0]["settings"],
        json!({ "order": ["vip", "default"] })
    );
    assert_eq!(
        list["items"][3]["settings"],
        json!({ "ratio": "0.8", "usable_by": ["vip"] })
    );

    api.learn();
    assert_eq!(
        names(&api.get("/api/groups").await.json()),
        ["auto", "default", "pro", "vip"]
    );
    let page = api.get("/api/groups?limit=3").await.json();
    assert_eq!(page["next"], "pro");
    assert_eq!(
        names(&api.get("/api/groups?cursor=pro").await.json()),
        ["vip"]
    );
    api.send("PUT", "/api/groups/vip", &json!({}))
        .await
        .problem(409);
    api.send("POST", "/api/groups", &json!({ "name": "vip" }))
        .await
        .problem(409);
    let bad = api
        .send(
            "PATCH",
            "/api/groups/pro",
            &json!({ "ratio": -1, "raito": 2 }),
        )
        .await;
    assert_eq!(bad.paths(), ["groups.pro.ratio", "groups.pro.raito"]);
    let put = api
        .send(
            "PUT",
            "/api/groups/pro",
            &json!({ "name": "pro", "ratio": 2 }),
        )
        .await;
    assert_eq!(
        put.json()["settings"],
        json!({ "ratio": 2 }),
        "the whole is replaced"
    );
    assert_eq!(
        api.send("DELETE", "/api/groups/pro", &json!({}))
            .await
            .status,
        204
    );
    api.get("/api/groups/pro").await.problem(404);
}

#[tokio::test]
async fn a_group_that_the_configuration_names_stays() {
    let api = api().await;
    api.send("POST", "/api/groups", &json!({ "name": "pro" }))
        .await;
    let channel = json!({ "name": "c", "provider": "ollama", "models": ["m"], "groups": ["pro"] });
    let made = api.send("POST", "/api/channels", &channel).await;
    assert_eq!(made.status, 201, "{made:?}");
    let refused = api.send("DELETE", "/api/groups/pro", &json!({})).await;
    assert_eq!(refused.paths(), ["channels.c.groups[0]"]);
    api.send("DELETE", "/api/channels/c", &json!({})).await;
    assert_eq!(
        api.send("DELETE", "/api/groups/pro", &json!({}))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_group_that_users_or_keys_are_in_stays() {
    let api = api().await;
    for name in ["pro", "empty"] {
        api.send("POST", "/api/groups", &json!({ "name": name }))
            .await;
    }
    api.learn();
    let user = json!({ "name": "ada", "group": "pro" });
    assert_eq!(api.send("POST", "/api/users", &user).await.status, 201);
    let key = json!({ "user": "root", "name": "one", "group": "pro" });
    let key = api.send("POST", "/api/keys", &key).await;
    assert_eq!(key.status, 201, "{key:?}");
    let refused = api.send("DELETE", "/api/groups/pro", &json!({})).await;
    let why = refused.problem(409);
    assert!(why.contains("user ada, key one of root are in"), "{why}");
    let gone = api.send("DELETE", "/api/groups/empty", &json!({})).await;
    assert_eq!(gone.status, 204);
    let id = key.json()["id"].as_str().unwrap().to_owned();
    api.send("DELETE", &format!("/api/keys/{id}"), &json!({}))
        .await;
    api.send("PATCH", "/api/users/ada", &json!({ "group": "default" }))
        .await;
    let gone = api.send("DELETE", "/api/groups/pro", &json!({})).await;
    assert_eq!(gone.status, 204, "{gone:?}");
}

#[tokio::test]
async fn models_have_slashes_and_built_in_prices() {
    let api = api().await;
    let body = json!({ "name": "meta/llama 3", "price": { "input": 0.1, "output": "0.2" } });
    assert_eq!(api.send("POST", "/api/models", &body).await.status, 201);
    let shown = api.get("/api/models/meta%2Fllama%203").await;
    assert_eq!(
        shown.json()["settings"]["price"],
        json!({ "input": 0.1, "output": "0.2" })
    );
    api.learn();
    let mine = api.get("/api/models/mine").await.json();
    assert_eq!(
        (&mine["origin"], &mine["settings"]["max_output"]),
        (&json!("file"), &json!(100))
    );
    assert_eq!(
        mine["settings"]["price"],
        json!({ "input": "2.5", "output": "10" })
    );
    let built_in = api.get("/api/models/gpt-4o").await.json();
    assert_eq!(built_in["origin"], "default");
    assert_eq!(built_in["settings"]["price"]["input"], "2.5");

    let page = api.get("/api/models?limit=2").await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let later = api
        .get(&format!("/api/models?limit=1&cursor={next}"))
        .await
        .json();
    assert!(later["items"][0]["name"].as_str().unwrap() > next);

    let over = json!({ "name": "gpt-4o", "price": { "input": 1, "output": 1 } });
    assert_eq!(
        api.send("POST", "/api/models", &over).await.status,
        201,
        "built-in prices are overridden"
    );
    let bad = api
        .send(
            "POST",
            "/api/models",
            &json!({ "name": "x", "price": { "inptu": 1 } }),
        )
        .await;
    assert!(
        bad.paths()
            .iter()
            .any(|path| path == "models.x.price.inptu"),
        "{bad:?}"
    );
}
