//! The gateway assembled: commands, services, and the built-in demo upstream.

pub mod assembly;
pub mod cli;
pub mod demo;
mod drain;
mod files;
mod listen;
mod logs;
mod newcomer;
mod retention;
mod rows;
mod sides;
mod statement;
mod treasury;
mod upkeep;
