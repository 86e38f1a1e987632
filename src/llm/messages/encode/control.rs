//! Decides how much the model thinks and says, and how its words are drawn.

use super::body::Thinking;
use crate::convert::Target;
use crate::ir::{self, Effort, Feature, Part, Request, Role, Show};
use crate::loss::{Losses, Misfit};
use crate::thinking::{ForClaude, claude_output, for_claude};
use crate::traits::{Claude, Sampling};

/// What the model is told of thinking, and of the length of its answer.
pub(super) struct Control {
    pub(super) max_tokens: u64,
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<&'static str>,
}

/// How the words are drawn.
#[derive(Default)]
pub(super) struct Drawing {
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_k: Option<u64>,
}

/// The least `top_p` beside thinking.
const LEAST_TOP_P: f64 = 0.95;

/// Decides on thinking and length. `forced`: the choice of tools forces a call.
pub(super) fn plan(
    request: &Request<'_>,
    claude: &Claude,
    to: &Target<'_>,
    forced: bool,
    losses: &mut Losses,
) -> Control {
    let wish = request.reasoning.thinking;
    let max_tokens = max_tokens(request, claude, to);
    let told = for_claude(wish, claude, max_tokens);
    let (thinking, effort) = match told {
        ForClaude::Unsaid | ForClaude::NoRoom => (None, None),
        ForClaude::Disabled => (Some(Thinking::Disabled {}), None),
        ForClaude::Budget(_) if forced || !goes_on_thinking(request) => (None, None),
        ForClaude::Budget(budget_tokens) => (Some(Thinking::Enabled { budget_tokens }), None),
        // A forced call leaves no room for thinking; how much effort is made is another matter.
        ForClaude::Adaptive(effort) if forced => (None, effort),
        ForClaude::Adaptive(effort) => {
            let display = display(request.reasoning.show);
            (Some(Thinking::Adaptive { display }), effort)
        }
    };
    if thinking.is_none() && is_wanted(wish) {
        losses.hint(Feature::Reasoning);
    }
    Control {
        max_tokens,
        thinking,
        effort: effort.map(Effort::as_str),
    }
}

/// What the caller wants, else all the model can give, else the default.
fn max_tokens(request: &Request<'_>, claude: &Claude, to: &Target<'_>) -> u64 {
    let limit = to.max_output.or(claude.max_output);
    match (request.max_output, limit) {
        (Some(asked), Some(limit)) => asked.min(limit),
        (Some(tokens), None) | (None, Some(tokens)) => tokens,
        (None, None) => claude_output(request.reasoning.thinking, claude, to.default_output),
    }
}

fn is_wanted(wish: ir::Thinking) -> bool {
    !matches!(
        wish,
        ir::Thinking::Unset | ir::Thinking::Off | ir::Thinking::Effort(Effort::None)
    )
}

/// The newest models show no thinking unless told to, so whoever asks for it is shown it.
fn display(show: Show) -> Option<&'static str> {
    Some(match show {
        Show::Hidden => "omitted",
        Show::Shown | Show::Unset => "summarized",
    })
}

/// Whether a budget is taken here: not for an answer that was begun, and in the middle of calls
/// only where the thinking before them is there with its proof.
fn goes_on_thinking(request: &Request<'_>) -> bool {
    let mut back = request.turns.iter().rev();
    let Some(last) = back.next() else {
        return true;
    };
    let answers_calls = last
        .parts
        .iter()
        .any(|part| matches!(part, Part::ToolResult(_)));
    match (last.role, answers_calls) {
        (Role::Assistant, _) => false,
        (_, false) => true,
        (_, true) => {
            let called = back.find(|turn| turn.role == Role::Assistant);
            let first = called.and_then(|turn| turn.parts.first());
            matches!(first, Some(Part::Reasoning { .. }))
        }
    }
}

/// Keeps of the sampling parameters what the model takes beside `thinking`.
pub(super) fn sampling(
    request: &Request<'_>,
    claude: &Claude,
    thinking: Option<Thinking>,
    losses: &mut Losses,
) -> Result<Drawing, Misfit> {
    let mut drawing = Drawing {
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
    };
    if request
        .temperature
        .is_some_and(|temperature| temperature > 1.0)
    {
        losses.bend(Feature::Temperature, "its temperatures end at 1")?;
        drawing.temperature = Some(1.0);
    }
    match claude.sampling {
        Sampling::Fixed => drawing.drop_all(losses, "the model takes no sampling parameters")?,
        Sampling::OneOf => drawing.one_of(request.temperature, losses)?,
        Sampling::Free | Sampling::FixedWhileThinking => {}
    }
    if let Some(Thinking::Enabled { .. } | Thinking::Adaptive { .. }) = thinking {
        let top_p = drawing.top_p.take_if(|top_p| *top_p >= LEAST_TOP_P);
        drawing.drop_all(losses, "the model takes it without thinking only")?;
        drawing.top_p = top_p;
    }
    Ok(drawing)
}

impl Drawing {
    /// Keeps one of temperature and `top_p`; the one that says what holds anyway goes silently.
    fn one_of(&mut self, asked: Option<f64>, losses: &mut Losses) -> Result<(), Misfit> {
        match (asked, self.top_p) {
            (Some(_), Some(1.0)) => self.top_p = None,
            (Some(1.0), Some(_)) => self.temperature = None,
            (Some(_), Some(_)) => {
                losses.bend(
                    Feature::TopP,
                    "the model takes temperature or top_p, not both",
                )?;
                self.top_p = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn drop_all(&mut self, losses: &mut Losses, reason: &str) -> Result<(), Misfit> {
        let given = std::mem::take(self);
        let bent = [
            (
                given.temperature.is_some_and(|value| value != 1.0),
                Feature::Temperature,
            ),
            (given.top_p.is_some_and(|value| value != 1.0), Feature::TopP),
            (given.top_k.is_some(), Feature::TopK),
        ];
        for (_, feature) in bent.into_iter().filter(|(bent, _)| *bent) {
            losses.bend(feature, reason)?;
        }
        Ok(())
    }
}
