//! What compiles, what does not, and what is said about it.
