//! The conversation that every client has with every upstream.

use e2e::streaming::Event;
use e2e::{Call, Dialect};
use serde_json::{Value, json};

use super::desk::{Desk, model};
use super::saying::PROOF;
use super::{Heard, Saying};

/// A client in the middle of a conversation.
pub(crate) trait Client: Sized {
    const FORMAT: Dialect;
    /// Its tools, in the order it declares them.
    const TOOLS: &'static [&'static str];

    /// Its user asked something.
    fn new() -> Self;
    /// The request it sends now.
    fn call(&self, model: &str) -> Call;
    fn read(events: &[Event]) -> Heard;
    /// What the model says first: thoughts, a text, and several calls.
    fn working() -> Saying;
    /// Keeps the answer and, where it had calls, what the tools gave.
    fn keep(&mut self, heard: &Heard);
    /// Its user asks on.
    fn ask(&mut self, text: &str);
}

/// Has the conversation with one upstream after another, and goes on with it at all of them.
pub(crate) async fn converse<C: Client>() {
    let desk = Desk::start().await;
    for upstream in Dialect::ALL {
        let mut client = C::new();
        let heard = turn(&desk, &client, upstream, C::working()).await;
        client.keep(&heard);
        // Another upstream may have to take over in the middle of a step.
        for other in Dialect::ALL {
            let said = Saying {
                text: "I take over.",
                ..Saying::default()
            };
            turn(&desk, &client, other, said).await;
            proof_is_at_home(&desk, upstream, other);
        }
        let done = Saying {
            thought: "That was it.",
            text: "Done: “ü”.",
            ..Saying::default()
        };
        let heard = turn(&desk, &client, upstream, done).await;
        proof_is_at_home(&desk, upstream, upstream);
        client.keep(&heard);
        client.ask("And now?");
        for other in Dialect::ALL {
            let said = Saying {
                text: "Still here.",
                ..Saying::default()
            };
            turn(&desk, &client, other, said).await;
            proof_is_at_home(&desk, upstream, other);
        }
    }
}

/// One request and its answer, looked at from both sides.
async fn turn<C: Client>(desk: &Desk, client: &C, upstream: Dialect, said: Saying) -> Heard {
    let pair = format!("{:?} on {upstream:?}", C::FORMAT);
    desk.will_say(upstream, said.clone());
    let mut stream = desk.open(client.call(&model(upstream))).await;
    let events = stream.rest().await;
    let heard = C::read(&events);
    desk.got(upstream);
    assert_eq!(heard.text, said.text, "{pair}: {}", stream.text());
    assert_eq!(heard.thought, said.thought, "{pair}: {}", stream.text());
    assert_eq!(heard.usage, (90, 30), "{pair}: {}", stream.text());
    let calls: Vec<_> = heard
        .calls
        .iter()
        .map(|(_, name, input)| (name.as_str(), input))
        .collect();
    let wanted: Vec<_> = said
        .calls
        .iter()
        .map(|call| (C::TOOLS[call.tool], &call.input))
        .collect();
    assert_eq!(calls, wanted, "{pair}: {}", stream.text());
    let record = desk.gateway.record(&stream.id()).await;
    assert_eq!(
        (
            &record["client_format"],
            &record["upstream_format"],
            &record["end"]
        ),
        (
            &json!(C::FORMAT.name()),
            &json!(upstream.name()),
            &json!("complete")
        ),
        "{record}"
    );
    heard
}

/// What vouches for a thought goes back to where it came from, unwrapped, and nowhere else.
fn proof_is_at_home(desk: &Desk, home: Dialect, upstream: Dialect) {
    let got: Value = desk.got(upstream);
    let got = got.to_string();
    for wrapping in ["tg1:", "dGcxO"] {
        assert!(
            !got.contains(wrapping),
            "a wrapping from {home:?} reaches {upstream:?}: {got}"
        );
    }
    // Chat has no proofs.
    let wanted = home == upstream && home != Dialect::Chat;
    assert_eq!(
        got.contains(PROOF),
        wanted,
        "from {home:?} to {upstream:?}: {got}"
    );
}
