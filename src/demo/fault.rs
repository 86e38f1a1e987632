//! Why a request is refused, before it is told in a vendor's words.

/// A refusal.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) message: String,
    /// The field at fault.
    pub(super) param: Option<String>,
}

/// What a refusal is about; each format has its own status and word for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Invalid,
    NoModel,
    NoPath,
}

impl Fault {
    pub(super) fn invalid(message: impl Into<String>) -> Fault {
        Fault {
            kind: Kind::Invalid,
            message: message.into(),
            param: None,
        }
    }

    pub(super) fn missing(name: &str) -> Fault {
        Fault::invalid(format!("Missing required parameter: '{name}'.")).at(name)
    }

    pub(super) fn wrong_type(name: &str, wanted: &str) -> Fault {
        Fault::invalid(format!("Invalid type for '{name}': expected {wanted}.")).at(name)
    }

    pub(super) fn no_model(model: &str) -> Fault {
        Fault {
            kind: Kind::NoModel,
            message: format!("The model '{model}' does not exist or you do not have access to it."),
            param: Some("model".into()),
        }
    }

    pub(super) fn no_path(path: &str) -> Fault {
        Fault {
            kind: Kind::NoPath,
            message: format!("Unknown request URL: {path}"),
            param: None,
        }
    }

    pub(super) fn no_result(id: &str) -> Fault {
        Fault::invalid(format!("No tool output found for function call {id}."))
    }

    pub(super) fn stray_result(id: &str) -> Fault {
        Fault::invalid(format!(
            "Tool result '{id}' answers no tool call before it."
        ))
    }

    #[must_use]
    pub(super) fn at(mut self, param: &str) -> Fault {
        self.param = Some(param.to_owned());
        self
    }

    /// The HTTP status all four formats agree on.
    pub(super) fn status(&self) -> axum::http::StatusCode {
        match self.kind {
            Kind::Invalid => axum::http::StatusCode::BAD_REQUEST,
            Kind::NoModel | Kind::NoPath => axum::http::StatusCode::NOT_FOUND,
        }
    }
}
