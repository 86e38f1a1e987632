//! A source that the answer names.

use std::borrow::Cow;

/// A source of a stretch of text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Citation<'a> {
    pub(crate) url: Cow<'a, str>,
    pub(crate) title: Option<Cow<'a, str>>,
    /// The stretch, in Unicode code points of the choice's whole text; end exclusive.
    pub(crate) span: Option<(u64, u64)>,
    /// The words of the source that are cited.
    pub(crate) quote: Option<Cow<'a, str>>,
}

impl Citation<'_> {
    /// The same, owned.
    pub(crate) fn into_owned(self) -> Citation<'static> {
        Citation {
            url: Cow::Owned(self.url.into_owned()),
            title: self.title.map(|title| Cow::Owned(title.into_owned())),
            span: self.span,
            quote: self.quote.map(|quote| Cow::Owned(quote.into_owned())),
        }
    }
}
