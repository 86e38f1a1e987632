//! Variables of the original system that stand in for keys the YAML leaves out.

use std::collections::BTreeMap;

use crate::raw::Node;
use crate::reader::{Field, Problems};

/// The honoured variables that are set.
pub(super) struct Environment<'a> {
    values: &'a BTreeMap<&'static str, Node>,
    problems: &'a Problems,
}

impl<'a> Environment<'a> {
    pub(super) fn new(
        values: &'a BTreeMap<&'static str, Node>,
        problems: &'a Problems,
    ) -> Environment<'a> {
        Environment { values, problems }
    }

    /// The variable, when it is set.
    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        let node = self.values.get(name)?;
        Some(Field::root(node, self.problems).at(format!("environment variable {name}")))
    }

    /// The variable when `field` is absent: the configuration wins over the environment.
    pub(super) fn instead_of(&self, field: &Field<'a>, name: &str) -> Option<Field<'a>> {
        self.get(name).filter(|_| field.is_absent())
    }
}
