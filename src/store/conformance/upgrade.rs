//! What a store of before the accounts holds, and what becomes of it.

/// What keys have spent in all, and users by the day, in a store of schema version 3.
pub(crate) const SPENT: &str = "\
    INSERT INTO spent VALUES ('yaml:ci', 12), ('yaml:none', 0), ('yaml:it''s', 9000000000000000000); \
    INSERT INTO usage_days VALUES \
    (0, 'a', 'm', 'ci', 'root', '', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5), \
    (86400000000, 'a', 'm', 'ci', 'root', '', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7), \
    (86400000000, 'b', 'm', 'x', '🦀', 'c', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11)";

/// The purses of them: account, credited, spent and leased.
pub(crate) const PURSES: [&str; 5] = [
    "key:yaml:ci 0 12 0",
    "key:yaml:it's 0 9000000000000000000 0",
    "key:yaml:none 0 0 0",
    "user:root 0 12 0",
    "user:🦀 0 11 0",
];
