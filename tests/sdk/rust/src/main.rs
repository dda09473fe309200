//! The official Rust SDK at work against a host: `spaces-sdk-test SCENARIO`, with SPACES_HOST and SPACES_DATABASE.
//!
//! Ends with 0 if the scenario holds; a panic says what did not.

mod bindings;
mod runtime;
mod scenarios;
mod support;

fn main() {
    let name = std::env::args().nth(1).expect("the name of a scenario");
    let (_, run) = scenarios::ALL
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("there is no scenario {name}"));
    run();
}
