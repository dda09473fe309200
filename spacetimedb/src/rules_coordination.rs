//! What the texts of tasks, votes and knowledge may hold (contract section 3).

use crate::rules_text::{self, present, Checked};

pub const TASK_BODY_CHARS_MAX: usize = 8000;
pub const RESULT_CHARS_MAX: usize = 32_000;
pub const INPUT_CHARS_MAX: usize = 2000; // and prompts
pub const KEY_CHARS_MAX: usize = 128;
pub const KNOWLEDGE_CHARS_MAX: usize = 8000;
pub const QUESTION_CHARS_MAX: usize = 500;
pub const OPTION_CHARS_MAX: usize = 100;

const KEY_RULE: &str =
    "may hold a-z, 0-9, dots, slashes, dashes and underscores, and must begin with a letter or digit.";

/// Tells whether a text is wholly `[a-z0-9][a-z0-9._/-]{0,127}`; its length is checked before.
fn is_key(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_lowercase() || char.is_ascii_digit())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-'))
}

/// Refuses what no task may be called.
pub fn check_title(title: &str) -> Checked {
    rules_text::check_line("The title", title, rules_text::SUMMARY_CHARS_MAX)
}

/// Refuses a task body that is not empty and not clean, or longer than 8000 characters.
pub fn check_task_body(body: &str) -> Checked {
    if body.is_empty() {
        return Ok(());
    }
    rules_text::check_clean("The body", body, TASK_BODY_CHARS_MAX)
}

/// Refuses what is neither empty (any skill will do) nor the name of a skill.
pub fn check_task_skill(skill: &str) -> Checked {
    if skill.is_empty() {
        return Ok(());
    }
    rules_text::check_skill(skill)
}

/// Refuses a result that is not empty and not clean, or longer than 32000 characters.
pub fn check_result(result: &str) -> Checked {
    if result.is_empty() {
        return Ok(());
    }
    rules_text::check_clean("The result", result, RESULT_CHARS_MAX)
}

/// Refuses a note that is not none, empty (which means none) or one line of 256 characters.
pub fn check_note(note: &Option<String>) -> Checked {
    present(note).map_or(Ok(()), |note| rules_text::check_line("The note", note, rules_text::REASON_CHARS_MAX))
}

/// Refuses a reason that is not one line of 256 characters: a task fails and is rejected for one.
pub fn check_task_reason(reason: &str) -> Checked {
    rules_text::check_line("The reason", reason, rules_text::REASON_CHARS_MAX)
}

/// Refuses what nobody may be asked for.
pub fn check_prompt(prompt: &str) -> Checked {
    rules_text::check_clean("The prompt", prompt, INPUT_CHARS_MAX)
}

/// Refuses what no input may say.
pub fn check_input(text: &str) -> Checked {
    rules_text::check_clean("The input", text, INPUT_CHARS_MAX)
}

/// Refuses what no vote may ask.
pub fn check_question(question: &str) -> Checked {
    rules_text::check_clean("The question", question, QUESTION_CHARS_MAX)
}

/// Refuses what no option of a vote may be called.
pub fn check_option(option: &str) -> Checked {
    rules_text::check_line("The option", option, OPTION_CHARS_MAX)
}

/// Refuses what no knowledge may be kept under.
pub fn check_key(key: &str) -> Checked {
    rules_text::check_pattern("The key", key, KEY_CHARS_MAX, is_key, KEY_RULE)
}

/// Refuses what no knowledge may say.
pub fn check_knowledge_body(body: &str) -> Checked {
    rules_text::check_clean("The body", body, KNOWLEDGE_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_hold_slashes_and_begins_with_a_letter_or_digit() {
        for (key, is_one) in [("a", true), ("0/x-_.", true), ("/a", false), (".a", false), ("A", false), ("é", false)]
        {
            assert_eq!(check_key(key).is_ok(), is_one, "{key}");
        }
        assert!(check_key(&"a".repeat(128)).is_ok());
        assert_eq!(check_key(&"a".repeat(129)).unwrap_err(), "The key must be 128 characters or fewer.");
    }

    #[test]
    fn bodies_and_results_may_be_empty_but_not_blank() {
        assert!(check_task_body("").is_ok() && check_result("").is_ok() && check_task_skill("").is_ok());
        assert_eq!(check_result(" ").unwrap_err(), "The result cannot be blank.");
    }
}
