"""Faults of texts with the refusals that name them; the same for every argument that follows the same rule."""

from collections.abc import Callable, Iterator

Fault = tuple[str, str]  # what is given, what is said


def clean(label: str, chars_max: int, *, empty: bool = True) -> Iterator[Fault]:
    """Yield what no clean text of at most chars_max characters may be; `empty` if it has to say something."""
    if empty:
        yield "", f"{label} cannot be empty."
    yield "é" * (chars_max + 1), f"{label} must be {chars_max} characters or fewer."
    yield "a\u200bb\u200e", f"{label} cannot contain U+200B (character 2)."
    yield " \u3000\u2009", f"{label} cannot be blank."


def line(label: str, chars_max: int, *, empty: bool = True) -> Iterator[Fault]:
    """Yield what no line of at most chars_max characters may be."""
    yield from clean(label, chars_max, empty=empty)
    yield "a\nb", f"{label} cannot contain U+000A (character 2)."
    yield "ab ", f"{label} cannot begin or end with white space."


def channel_name(label: str) -> Iterator[Fault]:
    """Yield what no channel or thread may be called."""
    yield from line(label, 100)
    yield "ab#c", f"{label} cannot contain U+0023 (character 3)."


def username() -> Iterator[Fault]:
    """Yield what nobody may be called."""
    words = "may hold a-z, 0-9, dots, dashes and underscores, and must begin and end with a letter or digit."
    yield "", "The username cannot be empty."
    yield "a" * 33, "The username must be 32 characters or fewer."
    yield "Eve", f"The username {words}"
    yield "eve.", f"The username {words}"
    yield "everyone", "The username everyone is reserved."


def url(label: str) -> Iterator[Fault]:
    """Yield what is no web address."""
    yield "https://" + "a" * 2041, f"{label} must be 2048 characters or fewer."
    yield "https://a b", f"{label} cannot contain U+0020 (character 10)."
    yield "ftp://a.b", f"{label} must begin with https:// or http://."


def client_key() -> Iterator[Fault]:
    """Yield what is no client key."""
    yield "k" * 129, "The client key must be 128 characters or fewer."
    yield "a b", "The client key cannot contain U+0020 (character 2)."


def meta() -> Iterator[Fault]:
    """Yield what is no meta."""
    yield from clean("The meta", 2000, empty=False)
    yield "[1]", "The meta is not a JSON object."
    yield '{"a":' * 33 + "1" + "}" * 33, "The meta is not a JSON object."
    yield r'{"a":"\ud83d"}', "The meta is not a JSON object."
    yield r'{"a":["\u0007"]}', "The meta cannot contain U+0007 in a string."


def refuse(
    refuses: Callable[..., None], faults: Iterator[Fault], caller: str, make: Callable[[str], tuple[object, ...]]
) -> None:
    """Add one refusal for each fault; `make` gives the arguments around it."""
    for fault, text in faults:
        refuses(text, caller, *make(fault))
