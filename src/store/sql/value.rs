//! What goes into a statement and comes out of a row: numbers, texts and nothing.

use std::borrow::Cow;

use llm::Usage;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unknown, StrDeserializer};

use crate::error::StoreError;

/// Characters of a name; what is longer is cut.
pub(crate) const NAME_CHARS: usize = 255;
/// Bytes of a text; what is longer is cut.
pub(crate) const TEXT_BYTES: usize = 64 << 10;

/// A value of any of the databases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// A count. Beyond what a column holds it stops there: a record must never be impossible to
    /// store.
    pub(crate) fn count(count: u64) -> Value<'a> {
        Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(crate) fn flag(flag: bool) -> Value<'a> {
        Value::Int(i64::from(flag))
    }

    pub(crate) fn optional_name(name: Option<&'a str>) -> Value<'a> {
        name.map_or(Value::Null, Value::name)
    }
}

impl<'a> Value<'a> {
    /// A name, which rows are found and grouped by: at most `NAME_CHARS` characters, which every
    /// database can keep in an index, and no spaces at the end, which MySQL does not compare.
    pub(crate) fn name(name: &'a str) -> Value<'a> {
        let end = match name.len() > NAME_CHARS {
            true => name.char_indices().nth(NAME_CHARS),
            false => None,
        };
        let name = end.map_or(name, |(end, _)| &name[..end]);
        Value::Text(without_nul(name.trim_end_matches(' ')))
    }

    /// The name of an account: `user:` or `key:` and a name, which is cut as in every other column.
    pub(crate) fn account(account: &'a str) -> Value<'a> {
        let Some((kind @ ("user" | "key"), name)) = account.split_once(':') else {
            return Value::name(account);
        };
        match Value::name(name) {
            Value::Text(Cow::Borrowed(kept)) if kept.len() == name.len() => {
                Value::Text(Cow::Borrowed(account))
            }
            Value::Text(kept) => Value::Text(format!("{kind}:{kept}").into()),
            other => other,
        }
    }

    /// The same of an account that was just put together.
    pub(crate) fn owned_account(account: String) -> Value<'static> {
        let kept = match Value::account(&account) {
            Value::Text(kept) if kept.len() != account.len() => Some(kept.into_owned()),
            Value::Text(Cow::Owned(kept)) => Some(kept),
            _ => None,
        };
        Value::Text(kept.unwrap_or(account).into())
    }

    /// A text to be read by people, cut at `TEXT_BYTES`.
    pub(crate) fn text(text: &'a str) -> Value<'a> {
        Value::Text(without_nul(&text[..text.floor_char_boundary(TEXT_BYTES)]))
    }
}

/// PostgreSQL has no NUL in texts, and no name or message needs one.
fn without_nul(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

/// Reads a row's values in the order of its columns, and names the one it does not understand.
pub(crate) struct Row<'c> {
    table: &'static str,
    columns: std::slice::Iter<'c, &'static str>,
    values: std::vec::IntoIter<Value<'static>>,
}

impl<'c> Row<'c> {
    pub(crate) fn new(
        table: &'static str,
        columns: &'c [&'static str],
        values: Vec<Value<'static>>,
    ) -> Row<'c> {
        Row {
            table,
            columns: columns.iter(),
            values: values.into_iter(),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.read(|value| match value {
            Value::Text(text) => Some(text.into_owned()),
            _ => None,
        })
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        self.read(|value| match value {
            Value::Null => Some(None),
            Value::Text(text) => Some(Some(text.into_owned())),
            Value::Int(_) => None,
        })
    }

    /// A number that fits its type.
    pub(crate) fn number<N: TryFrom<i64>>(&mut self) -> Result<N, StoreError> {
        self.read(|value| match value {
            Value::Int(number) => N::try_from(number).ok(),
            _ => None,
        })
    }

    /// Tokens by class, in the order that every table has their columns in.
    pub(crate) fn usage(&mut self) -> Result<Usage, StoreError> {
        Ok(Usage {
            input: self.number()?,
            cache_read: self.number()?,
            cache_write_5m: self.number()?,
            cache_write_1h: self.number()?,
            output: self.number()?,
            reasoning: self.number()?,
            audio_input: self.number()?,
            audio_output: self.number()?,
            image_input: self.number()?,
            image_output: self.number()?,
        })
    }

    pub(crate) fn optional_number<N: TryFrom<i64>>(&mut self) -> Result<Option<N>, StoreError> {
        self.read(|value| match value {
            Value::Null => Some(None),
            Value::Int(number) => N::try_from(number).ok().map(Some),
            Value::Text(_) => None,
        })
    }

    /// A name of an enum, as serde spells it.
    pub(crate) fn name<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, StoreError> {
        self.read(|value| match value {
            Value::Text(text) => named(&text),
            _ => None,
        })
    }

    pub(crate) fn optional_name<T: for<'de> Deserialize<'de>>(
        &mut self,
    ) -> Result<Option<T>, StoreError> {
        self.read(|value| match value {
            Value::Null => Some(None),
            Value::Text(text) => named(&text).map(Some),
            Value::Int(_) => None,
        })
    }

    /// The next value, understood by `reader`.
    pub(crate) fn read<T>(
        &mut self,
        reader: impl FnOnce(Value<'static>) -> Option<T>,
    ) -> Result<T, StoreError> {
        let column = self.columns.next().copied().unwrap_or("");
        let value = self.values.next().and_then(reader);
        value.ok_or(StoreError::Row {
            table: self.table,
            column,
        })
    }
}

fn named<T: for<'de> Deserialize<'de>>(name: &str) -> Option<T> {
    let name: StrDeserializer<'_, Unknown> = name.into_deserializer();
    T::deserialize(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_keeps_what_a_column_keeps_of_its_name() {
        let long = "☂".repeat(300);
        for (account, kept) in [
            ("user:a", "user:a".to_owned()),
            ("key:yaml:ci", "key:yaml:ci".to_owned()),
            ("user:a  ", "user:a".to_owned()),
            ("user:", "user:".to_owned()),
            ("cash", "cash".to_owned()),
            ("user:\0", "user:\u{fffd}".to_owned()),
            (
                &*format!("user:{long}"),
                format!("user:{}", "☂".repeat(255)),
            ),
            (&*format!("{long}:x"), "☂".repeat(255)),
        ] {
            assert_eq!(Value::account(account), Value::Text(kept.clone().into()));
            let owned = Value::owned_account(account.to_owned());
            assert_eq!(owned, Value::Text(kept.into()));
        }
    }
}
