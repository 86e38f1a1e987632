//! Finds the call that a function response answers.
//!
//! Before Gemini 3 neither has an id: the order of the calls of one name pairs them. Gemini CLI gives
//! its responses ids of its own making, which no call has: an id that is not known counts as none.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use crate::ir::{Role, Text};
use crate::normal::mint_id;

/// The calls of the last turn of the model.
#[derive(Default)]
pub(super) struct Pairs<'a> {
    calls: Vec<Call<'a>>,
    /// Places in `calls`, oldest first; those of answered calls go when they are come upon.
    by_id: HashMap<Text<'a>, VecDeque<usize>>,
    by_name: HashMap<Text<'a>, VecDeque<usize>>,
    models: bool,
}

struct Call<'a> {
    id: Text<'a>,
    answered: bool,
}

impl<'a> Pairs<'a> {
    /// A content of that side begins.
    pub(super) fn turn(&mut self, role: Role) {
        let models = role == Role::Assistant;
        if models && !self.models {
            self.calls.clear();
            self.by_id.clear();
            self.by_name.clear();
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
        let place = self.calls.len();
        self.calls.push(Call {
            id: id.clone(),
            answered: false,
        });
        let by_id = self.by_id.entry(id.clone()).or_default();
        by_id.push_back(place);
        let by_name = self.by_name.entry(name.clone()).or_default();
        by_name.push_back(place);
        id
    }

    /// The id of the call that a response answers: the one of its id, else the first of its name
    /// that nobody answered. Without either, its own id; `None` where it has none.
    pub(super) fn response(&mut self, id: Option<Text<'a>>, name: &str) -> Option<Text<'a>> {
        let id = id.filter(|id| !id.is_empty());
        let of_id = id.as_ref().and_then(|id| self.by_id.get_mut(id));
        let place = of_id
            .and_then(|places| oldest_open(places, &self.calls))
            .or_else(|| oldest_open(self.by_name.get_mut(name)?, &self.calls));
        match place.and_then(|place| self.calls.get_mut(place)) {
            Some(call) => {
                call.answered = true;
                Some(call.id.clone())
            }
            None => id,
        }
    }
}

/// The first of `places` whose call nobody answered.
fn oldest_open(places: &mut VecDeque<usize>, calls: &[Call<'_>]) -> Option<usize> {
    loop {
        let place = places.pop_front()?;
        if calls.get(place).is_some_and(|call| !call.answered) {
            return Some(place);
        }
    }
}
