//! Keeps the cache marks within Anthropic's rules.

use crate::ir::{CacheMark, Feature, Part, Request, Tool};
use crate::loss::Losses;

/// Marks that a request may have.
const MAX_MARKS: usize = 4;

/// Keeps the last marks, which cover the most, and makes none live longer than one before it.
pub(super) fn limit(request: &mut Request<'_>, losses: &mut Losses) {
    let mut count = 0;
    each(request, &mut |mark| count += usize::from(mark.is_some()));
    let mut surplus = count.saturating_sub(MAX_MARKS);
    let (mut short, mut bent) = (false, surplus > 0);
    each(request, &mut |mark| match mark {
        Some(_) if surplus > 0 => {
            surplus -= 1;
            *mark = None;
        }
        Some(CacheMark::OneHour) if short => {
            bent = true;
            *mark = Some(CacheMark::FiveMinutes);
        }
        Some(CacheMark::FiveMinutes) => short = true,
        Some(CacheMark::OneHour) | None => {}
    });
    if bent {
        losses.hint(Feature::CacheMark);
    }
}

/// Every place of a mark, in the order of the prefix: tools, system, conversation.
fn each(request: &mut Request<'_>, see: &mut dyn FnMut(&mut Option<CacheMark>)) {
    for tool in &mut request.tools {
        if let Tool::Function { cache, .. } = tool {
            see(cache);
        }
    }
    for block in &mut request.system {
        see(&mut block.cache);
    }
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        if let Part::ToolResult(result) = part {
            result.parts.iter_mut().for_each(|part| of_part(part, see));
        }
        of_part(part, see);
    }
    see(&mut request.cache_all);
}

fn of_part(part: &mut Part<'_>, see: &mut dyn FnMut(&mut Option<CacheMark>)) {
    match part {
        Part::Text { cache, .. } | Part::Media { cache, .. } => see(cache),
        Part::ToolCall(call) => see(&mut call.cache),
        Part::ToolResult(result) => see(&mut result.cache),
        Part::Reasoning { .. } | Part::Refusal(_) | Part::Opaque { .. } => {}
    }
}
