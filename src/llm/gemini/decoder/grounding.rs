//! Reads what an answer says of its sources.

use super::super::ruler::Ruler;
use crate::gemini::heard::{Grounding, Page, Recited};
use crate::ir::{Citation, Text};
use crate::loose::Slot;

/// Citations of one answer that are told.
const MAX_CITATIONS: usize = 512;

/// Calls `each` with the citations of `groundingMetadata`: one for each source of each stretch of
/// text, then the sources that no stretch names.
pub(super) fn supports(json: &str, ruler: &Ruler, each: &mut dyn FnMut(Citation<'_>)) {
    let Ok(Slot(Some(grounding))) = serde_json::from_str::<Slot<Grounding<'_>>>(json) else {
        return;
    };
    let mut pages: Vec<(Option<&Page<'_>>, bool)> = grounding
        .chunks
        .items()
        .iter()
        .map(|source| (source.page.0.as_ref(), false))
        .collect();
    let mut left = MAX_CITATIONS;
    for support in grounding.supports.items() {
        let indices = support.chunks.0.map_or("[]", |raw| raw.get());
        let indices: Vec<usize> = serde_json::from_str(indices).unwrap_or_default();
        let span = support.segment.0.as_ref().and_then(|segment| {
            let start = ruler.char_at(segment.start.0.unwrap_or(0))?;
            Some((start, ruler.char_at(segment.end.0?)?))
        });
        for index in indices {
            let Some((page, named)) = pages.get_mut(index) else {
                continue;
            };
            *named = true;
            cite(*page, span, &mut left, each);
        }
    }
    for (page, named) in pages {
        if !named {
            cite(page, None, &mut left, each);
        }
    }
}

fn cite(
    page: Option<&Page<'_>>,
    span: Option<(u64, u64)>,
    left: &mut usize,
    each: &mut dyn FnMut(Citation<'_>),
) {
    let Some(page) = page.filter(|page| *left > 0 && !page.uri.0.is_empty()) else {
        return;
    };
    *left -= 1;
    each(Citation {
        url: Text::Borrowed(&page.uri.0),
        title: titled(&page.title.0),
        span,
        quote: None,
    });
}

/// Calls `each` with the citations of `citationMetadata`: text that the model recites.
pub(super) fn recited(json: &str, ruler: &Ruler, each: &mut dyn FnMut(Citation<'_>)) {
    let Ok(Slot(Some(recited))) = serde_json::from_str::<Slot<Recited<'_>>>(json) else {
        return;
    };
    let sources = recited.sources.items().iter();
    let named = sources.filter(|source| !source.uri.0.is_empty());
    for source in named.take(MAX_CITATIONS) {
        let start = ruler.char_at(source.start.0.unwrap_or(0));
        let end = source.end.0.and_then(|end| ruler.char_at(end));
        each(Citation {
            url: Text::Borrowed(&source.uri.0),
            title: titled(&source.title.0),
            span: start.zip(end),
            quote: None,
        });
    }
}

fn titled(title: &str) -> Option<Text<'_>> {
    (!title.is_empty()).then_some(Text::Borrowed(title))
}
