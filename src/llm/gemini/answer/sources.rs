//! The sources of an answer, as Google lists them: pages once, and the stretches of text, in
//! bytes, that rest on them.

use serde::Serialize;

use super::super::ruler::Ruler;
use crate::ir::Citation;

/// Citations of one candidate that are told.
const MAX_CITATIONS: usize = 512;

/// Gathers citations until the answer's text is complete.
#[derive(Debug, Default)]
pub(in crate::gemini) struct Sources {
    ruler: Ruler,
    /// Address and title.
    pages: Vec<(String, String)>,
    /// Stretches in code points, and the page.
    spans: Vec<(u64, u64, usize)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::gemini) struct Grounding<'a> {
    grounding_chunks: Vec<Page<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grounding_supports: Vec<Support>,
}

#[derive(Serialize)]
struct Page<'a> {
    web: Web<'a>,
}

#[derive(Serialize)]
struct Web<'a> {
    uri: &'a str,
    title: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Support {
    segment: Segment,
    grounding_chunk_indices: [usize; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    start_index: u64,
    end_index: u64,
}

impl Sources {
    /// The answer's text goes on.
    pub(in crate::gemini) fn measure(&mut self, text: &str) {
        self.ruler.measure(text);
    }

    pub(in crate::gemini) fn cite(&mut self, citation: &Citation<'_>) {
        if self.spans.len() >= MAX_CITATIONS || citation.url.is_empty() {
            return;
        }
        let known = self.pages.iter().position(|(url, _)| *url == citation.url);
        let page = match known {
            Some(page) => page,
            None if self.pages.len() >= MAX_CITATIONS => return,
            None => {
                let title = citation.title.as_deref().unwrap_or_default().to_owned();
                self.pages.push((citation.url.to_string(), title));
                self.pages.len() - 1
            }
        };
        if let Some((start, end)) = citation.span {
            self.spans.push((start, end, page));
        }
    }

    /// What is said of the sources of the whole text.
    pub(in crate::gemini) fn grounding(&self) -> Option<Grounding<'_>> {
        if self.pages.is_empty() {
            return None;
        }
        let pages = self.pages.iter().map(|(uri, title)| Page {
            web: Web { uri, title },
        });
        let supports = self.spans.iter().filter_map(|(start, end, page)| {
            let segment = Segment {
                start_index: self.ruler.byte_at(*start)?,
                end_index: self.ruler.byte_at(*end)?,
            };
            Some(Support {
                segment,
                grounding_chunk_indices: [*page],
            })
        });
        Some(Grounding {
            grounding_chunks: pages.collect(),
            grounding_supports: supports.collect(),
        })
    }
}
