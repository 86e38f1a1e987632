//! Reads family, line and version out of a model's name.

/// A version: 406 is 4.6.
pub(super) type Version = u32;

/// Newer than any version there is: for names without one.
pub(super) const NEWEST: Version = u32::MAX;

/// The words and numbers of a model's name, without the vendor before it:
/// `us.anthropic.claude-opus-4-6-v1:0` and `anthropic/claude-opus-4.6` begin with `claude`.
pub(super) struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// The name from `family` on; `None` when the model is of another.
    pub(super) fn of(model: &'a str, family: &str) -> Option<Name<'a>> {
        let name = model.rsplit('/').next().unwrap_or(model);
        let starts = name.match_indices(family).map(|(at, _)| at);
        let mut begun = starts.filter(|at| *at == 0 || name.as_bytes()[at - 1] == b'.');
        begun.next().map(|at| Name(&name[at..]))
    }

    fn words(&self) -> impl Iterator<Item = &'a str> {
        self.0.split(['-', '.', '@', ':', '_'])
    }

    /// Whether one of the words is `word`.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words().any(|one| one == word)
    }

    /// The first numbers side by side; dates are none. [`NEWEST`] without any.
    pub(super) fn version(&self) -> Version {
        let number = |word: &str| match word.len() {
            1 | 2 => word.parse::<u32>().ok(),
            _ => None,
        };
        let mut numbers = self.words().map(number).skip_while(Option::is_none);
        match numbers.next().flatten() {
            Some(major) => 100 * major + numbers.next().flatten().unwrap_or(0),
            None => NEWEST,
        }
    }
}
