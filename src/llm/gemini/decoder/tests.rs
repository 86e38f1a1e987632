//! Stories of answers as Google gives them.
