//! Values in MySQL's own types.

use mysql_async::Value as MyValue;

use super::NAME;
use crate::error::StoreError;
use crate::sql::Value;

pub(super) fn encode(value: &Value<'_>) -> MyValue {
    match value {
        Value::Null => MyValue::NULL,
        Value::Int(number) => MyValue::Int(*number),
        Value::Text(text) => MyValue::Bytes(text.as_bytes().to_vec()),
    }
}

pub(super) fn decode(value: MyValue) -> Result<Value<'static>, StoreError> {
    let unknown = || StoreError::Server {
        database: NAME,
        words: "a value of a type that no column of ours has".into(),
    };
    Ok(match value {
        MyValue::NULL => Value::Null,
        MyValue::Int(number) => Value::Int(number),
        MyValue::UInt(number) => Value::Int(i64::try_from(number).map_err(|_| unknown())?),
        MyValue::Bytes(bytes) => {
            Value::Text(String::from_utf8(bytes).map_err(|_| unknown())?.into())
        }
        _ => return Err(unknown()),
    })
}
