//! Every kind of request of every format, as every format's upstream gets it; every kind of answer
//! of every format, as every format's client gets it. What cannot be has its reason in its place.
//!
//! The snapshots are the documentation of the conversion: a change in them is a change for users.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "matrix/answers.rs"]
mod answers;
#[path = "matrix/requests.rs"]
mod requests;
