//! Finds the call that a function response answers.
//!
//! Before Gemini 3 neither has an id: the order of the calls of one name pairs them. Gemini CLI gives
//! its responses ids of its own making, which no call has: an id that is not known counts as none.

use std::borrow::Cow;

use crate::ir::{Role, Text};
use crate::normal::mint_id;

/// The calls of the last turn of the model.
#[derive(Default)]
pub(super) struct Pairs<'a> {
    calls: Vec<Call<'a>>,
    models: bool,
}

struct Call<'a> {
    id: Text<'a>,
    name: Text<'a>,
    answered: bool,
}

impl<'a> Pairs<'a> {
    /// A content of that side begins.
    pub(super) fn turn(&mut self, role: Role) {
        let models = role == Role::Assistant;
        if models && !self.models {
            self.calls.clear();
        }
        self.models = models;
    }

    /// The id of a call: its own, or one that its place and name make.
    pub(super) fn call(
        &mut self,
        id: Option<Text<'a>>,
        name: &Text<'a>,
        (turn, part): (usize, usize),
    ) -> Text<'a> {
        let own = id.filter(|id| !id.is_empty());
        let id = own.unwrap_or_else(|| Cow::Owned(mint_id(turn, part, name)));
        self.calls.push(Call {
            id: id.clone(),
            name: name.clone(),
            answered: false,
        });
        id
    }

    /// The id of the call that a response answers: the one of its id, else the first of its name
    /// that nobody answered. Without either, its own id; `None` where it has none.
    pub(super) fn response(&mut self, id: Option<Text<'a>>, name: &str) -> Option<Text<'a>> {
        let id = id.filter(|id| !id.is_empty());
        let open = |call: &&mut Call<'_>| !call.answered;
        let by_id = self
            .calls
            .iter()
            .position(|call| !call.answered && id.as_ref().is_some_and(|id| call.id == *id));
        let call = match by_id {
            Some(at) => self.calls.get_mut(at),
            None => self
                .calls
                .iter_mut()
                .filter(open)
                .find(|call| call.name == name),
        };
        match call {
            Some(call) => {
                call.answered = true;
                Some(call.id.clone())
            }
            None => id,
        }
    }
}
