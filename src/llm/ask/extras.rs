//! Notes what a request announces beside text that may have a price of its own.

use super::kinds::Kinds;
use crate::parts::name;
use crate::scan::{Malformed, Marks, Scanner};

/// What may make a request dearer than its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// How long the prompt caches live that its marks may have written.
    pub marks: Marks,
    /// The part of `input_bytes` that is sound or video.
    pub media_bytes: u64,
    /// What the answer may be made of.
    pub kinds: Kinds,
    /// Tools that the provider runs.
    pub tools: Vec<Hosted>,
    /// Calls of them at most, all in all, where the caller says so.
    pub max_tool_calls: Option<u64>,
}

/// A tool that the provider runs and charges for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
    /// The names its uses may be reported under.
    pub names: &'static [&'static str],
    /// Calls of it at most, where the caller says so.
    pub max_uses: Option<u64>,
}

/// Tools whose uses a meter reports, by what their types begin with: most have dates behind that.
const HOSTED: [(&str, &[&str]); 5] = [
    // An answer that does not repeat its tools does not say which search it was.
    (PREVIEW, &[PREVIEW, SEARCH]),
    (SEARCH, &[SEARCH]),
    ("file_search", &["file_search"]),
    ("code_interpreter", &["code_interpreter"]),
    (DRAWING, &[DRAWING]),
];
const PREVIEW: &str = "web_search_preview";
const SEARCH: &str = "web_search";
const DRAWING: &str = "image_generation";

impl Extras {
    /// Passes over the value of `tools`.
    pub(super) fn tools(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        match scanner.peek() {
            Some(b'[') => scanner.array(|scanner| self.tool(scanner)).map(drop),
            _ => scanner.value().map(drop),
        }
    }

    /// Passes over a tool. Which of two members of one name the provider takes is not known: it runs
    /// the tool if either says so, as often as the larger one says.
    fn tool(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Malformed> {
        if scanner.peek() != Some(b'{') {
            return scanner.value().map(drop);
        }
        let bytes = scanner.bytes();
        let (mut names, mut max_uses) = (None, None);
        scanner.object(|scanner, key| match (&*name(bytes, key), scanner.peek()) {
            (b"type", Some(b'"')) => {
                let kind = name(bytes, scanner.string()?);
                names = names.or(hosted(&kind));
                Ok(())
            }
            (b"max_uses", _) => {
                max_uses = max_uses.max(number(scanner.value()?.of(bytes)));
                Ok(())
            }
            _ => scanner.value().map(drop),
        })?;
        if let Some(names) = names {
            self.add(Hosted { names, max_uses });
        }
        Ok(())
    }

    /// Tools of one name are one tool, so there are never many.
    fn add(&mut self, tool: Hosted) {
        self.kinds.has_brush |= tool.names == [DRAWING];
        let mut known = self.tools.iter_mut();
        match known.find(|known| known.names == tool.names) {
            Some(known) => {
                let both = known.max_uses.zip(tool.max_uses);
                known.max_uses = both.map(|(one, other)| one.saturating_add(other));
            }
            None => self.tools.push(tool),
        }
    }

    /// Whether every search that the caller allows is the one with the older name and price: an answer
    /// need not say again which it was.
    pub fn search_by_preview(&self) -> bool {
        let mut searches = self
            .tools
            .iter()
            .filter(|tool| tool.names.contains(&SEARCH));
        searches.next().is_some_and(|tool| tool.names[0] == PREVIEW)
            && searches.all(|tool| tool.names[0] == PREVIEW)
    }

    /// How often the provider may run a tool, if a caller who says nothing gets `usual` calls.
    pub fn calls(&self, tool: &Hosted, usual: u32) -> u32 {
        let said = [tool.max_uses, self.max_tool_calls];
        let least = said.into_iter().flatten().min();
        least.map_or(usual, |calls| u32::try_from(calls).unwrap_or(u32::MAX))
    }
}

fn hosted(kind: &[u8]) -> Option<&'static [&'static str]> {
    let mut known = HOSTED.iter();
    let (_, names) = known.find(|(start, _)| kind.starts_with(start.as_bytes()))?;
    Some(names)
}

/// A whole number; what is none is the provider's to refuse.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}
