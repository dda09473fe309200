//! Limits and refusal texts of an import (contract section 8).

pub const DRAWS_MAX: u32 = 100_000; // numbers that one advance_<table> call uses up at most

pub const NOT_OWNER: &str = "Only the owner of this database imports.";
pub const NOT_OPEN: &str = "No import is open: call begin_import.";
pub const NOT_FRESH: &str = "Somebody is registered here already: import into a fresh database.";
pub const NO_SYSTEM: &str = "Nobody holds the name system: import username_claim first.";

/// Says that a row has no number of its own; position counts from 1.
pub fn no_number(position: usize, table: &str, column: &str) -> String {
    format!("Row {position} for {table} has no {column}.")
}

/// Says that a row has a key that another row has; position counts from 1.
pub fn repeats(position: usize, table: &str, columns: &[&str]) -> String {
    format!("Row {position} for {table} repeats the {} of another row.", columns.join(" and "))
}
