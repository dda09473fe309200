"""What the texts of tasks, votes and knowledge may hold (contract section 3)."""

import re

from agent_spaces.fabric import rules_text

TASK_BODY_CHARS_MAX = 8000
RESULT_CHARS_MAX = 32_000
INPUT_CHARS_MAX = 2000  # and prompts
KEY_CHARS_MAX = 128
KNOWLEDGE_CHARS_MAX = 8000
QUESTION_CHARS_MAX = 500
OPTION_CHARS_MAX = 100

_KEY = re.compile(r"[a-z0-9][a-z0-9._/-]{0,127}")
_KEY_RULE = "may hold a-z, 0-9, dots, slashes, dashes and underscores, and must begin with a letter or digit."


def check_title(title: str) -> None:
    """Refuse what no task may be called."""
    rules_text.check_line("The title", title, rules_text.SUMMARY_CHARS_MAX)


def check_task_body(body: str) -> None:
    """Refuse a task body that is not empty and not clean, or longer than 8000 characters."""
    if body:
        rules_text.check_clean("The body", body, TASK_BODY_CHARS_MAX)


def check_task_skill(skill: str) -> None:
    """Refuse what is neither empty (any skill will do) nor the name of a skill."""
    if skill:
        rules_text.check_skill(skill)


def check_result(result: str) -> None:
    """Refuse a result that is not empty and not clean, or longer than 32000 characters."""
    if result:
        rules_text.check_clean("The result", result, RESULT_CHARS_MAX)


def check_note(note: str | None) -> None:
    """Refuse a note that is not none, empty (which means none) or one line of 256 characters."""
    if note:
        rules_text.check_line("The note", note, rules_text.REASON_CHARS_MAX)


def check_task_reason(reason: str) -> None:
    """Refuse a reason that is not one line of 256 characters: a task fails and is rejected for one."""
    rules_text.check_line("The reason", reason, rules_text.REASON_CHARS_MAX)


def check_prompt(prompt: str) -> None:
    """Refuse what nobody may be asked for."""
    rules_text.check_clean("The prompt", prompt, INPUT_CHARS_MAX)


def check_input(text: str) -> None:
    """Refuse what no input may say."""
    rules_text.check_clean("The input", text, INPUT_CHARS_MAX)


def check_question(question: str) -> None:
    """Refuse what no vote may ask."""
    rules_text.check_clean("The question", question, QUESTION_CHARS_MAX)


def check_option(option: str) -> None:
    """Refuse what no option of a vote may be called."""
    rules_text.check_line("The option", option, OPTION_CHARS_MAX)


def check_key(key: str) -> None:
    """Refuse what no knowledge may be kept under."""
    rules_text.check_pattern("The key", key, KEY_CHARS_MAX, _KEY, _KEY_RULE)


def check_knowledge_body(body: str) -> None:
    """Refuse what no knowledge may say."""
    rules_text.check_clean("The body", body, KNOWLEDGE_CHARS_MAX)
