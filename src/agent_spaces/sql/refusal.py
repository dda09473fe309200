"""Why a text is refused, in the words of a SpacetimeDB 2.8.3 host where they were seen.

The parser says where it stopped; here the tokens around that place are looked at to name what is not supported. What
nobody asked about ends as a plain "Expected …, found: …".
"""

import re
from dataclasses import dataclass

from agent_spaces.sql.grammar import KEYWORDS, RESERVED

_TOKEN = re.compile(
    r"\s+|--[^\n]*|/\*.*?\*/"
    r"|(?P<string>'(?:[^']|'')*')|(?P<hex>0[xX][0-9a-fA-F]*|[xX]'[0-9a-fA-F]*')"
    r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[^\W\d][\w$]*)|(?P<quoted>\"(?:[^\"]|\"\")+\")"
    r"|(?P<sign>:\w+|<>|!=|<=|>=|\|\||::|.)",
    re.DOTALL,
)
UPPERCASE = frozenset(KEYWORDS) | frozenset(RESERVED) | {"in", "is", "like", "ilike", "between", "by", "asc", "desc"}
OTHER_STATEMENTS = frozenset(
    [
        "create",
        "drop",
        "alter",
        "truncate",
        "begin",
        "start",
        "commit",
        "rollback",
        "explain",
        "analyze",
        "with",
        "grant",
        "revoke",
        "copy",
        "merge",
        "call",
        "use",
        "declare",
        "close",
        "fetch",
        "execute",
        "prepare",
        "deallocate",
        "describe",
        "savepoint",
        "release",
        "vacuum",
        "listen",
        "notify",
        "comment",
    ]
)
STATEMENTS = OTHER_STATEMENTS | {"select", "insert", "update", "delete", "set", "show"}
WHOLE_STATEMENT = frozenset(
    [
        "order",
        "group",
        "having",
        "offset",
        "fetch",
        "union",
        "except",
        "intersect",
        "for",
        "window",
        "returning",
        "distinct",
    ]
)
JOIN_WORDS = frozenset(["left", "right", "full", "cross", "natural", "outer", "using"])
CALL_WORDS = frozenset(
    [
        "position",
        "cast",
        "try_cast",
        "safe_cast",
        "exists",
        "extract",
        "ceil",
        "floor",
        "substring",
        "overlay",
        "trim",
        "interval",
        "array",
    ]
)
ARITHMETIC = frozenset(("+", "-", "*", "/", "%", "||", "^"))
COMPARISONS = frozenset(("<", ">", "<=", ">=", "<>", "!="))
CLAUSES = ("select", "from", "where", "values", "set", "on", "limit")
GLUE = frozenset(("in", "values", "and", "or", "not", "where", "on", "into", "from", "join"))
OPEN, CLOSE = frozenset("(["), frozenset(")]")
ACCEPTED = {"LPAR": "(", "RPAR": ")", "EQUAL": "=", "STAR": "*", "DOT": ".", "COMMA": ",", "NUMBER": "a number"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def word(self) -> str:
        """The word in lower case, nothing for other tokens."""
        return self.text.lower() if self.kind == "word" else ""


def _scan(text: str) -> list[_Token]:
    return [_Token(m.lastgroup, m.group(), m.start()) for m in _TOKEN.finditer(text) if m.lastgroup is not None]


def _render(tokens: list[_Token]) -> str:
    """Return the tokens as the host prints a parsed statement: keywords upper-case, one blank between words."""
    out = ""
    before: _Token | None = None
    for token in tokens:
        text = token.text.upper() if token.word in UPPERCASE else token.text
        if before is None or text in (",", ")", "]", ".", ";", "::") or before.text in ("(", "[", ".", "::"):
            glued = True
        elif text in OPEN:
            glued = before.start + len(before.text) == token.start and before.kind == "word" and before.word not in GLUE
        else:
            glued = False
        out += text if glued else " " + text
        before = token
    return out


def normalised(text: str) -> str:
    """Return a statement as the host prints it, without comments and trailing `;`."""
    tokens = _scan(text)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    return _render(tokens)


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return f"Line: {line}, Column {column}"


def _syntax(text: str, expected: str, token: _Token | None) -> str:
    if token is None:
        return f"sql parser error: Expected {expected}, found: EOF"
    return f"sql parser error: Expected {expected}, found: {token.text} at {_place(text, token.start)}"


def star_in_from(text: str) -> str:
    """Return the text for SELECT * FROM * outside of Subscribe."""
    tokens = _scan(text)
    place = next(n for n, token in enumerate(tokens) if token.word == "from")
    return _syntax(text, "identifier", tokens[place + 1])


def _segment(tokens: list[_Token], place: int) -> str:
    """Return the operand of AND, OR, a comma or brackets that the token at `place` belongs to."""
    start, depth = place, 0
    while start > 0:
        token = tokens[start - 1]
        depth += (token.text in CLOSE) - (token.text in OPEN)
        if depth < 0 or (depth == 0 and (token.word in ("and", "or", "where", "set", "select") or token.text == ",")):
            break
        start -= 1
    end, depth, between = place, 0, False
    while end < len(tokens):
        token = tokens[end]
        depth += (token.text in OPEN) - (token.text in CLOSE)
        if depth < 0 or (depth == 0 and (token.text in (",", ";") or token.word in ("or", "from", "where", "limit"))):
            break
        if depth == 0 and token.word == "and":
            if not between:
                break
            between = False
        between = between or token.word == "between"
        end += 1
    return _render(tokens[start:end])


def _assigned(tokens: list[_Token], place: int) -> str:
    """Return the right side of the assignment that the token at `place` belongs to."""
    start = place
    while tokens[start - 1].text != "=" and tokens[start - 1].word != "to":
        start -= 1
    return _segment(tokens[start:], place - start)


def _call_word(text: str, tokens: list[_Token], place: int) -> str | None:
    """Return the text for a word that must be followed by a bracket, if it is not."""
    following = tokens[place + 1] if place + 1 < len(tokens) else None
    return _syntax(text, "(", following) if following is None or following.text != "(" else None


def _in_select_list(text: str, tokens: list[_Token], place: int, token: _Token | None) -> str | None:
    before = tokens[place - 1]
    if token is not None and token.word in CALL_WORDS:
        return _call_word(text, tokens, place)
    opened = next((n for n in range(place, 0, -1) if n < len(tokens) and tokens[n].text == "("), None)
    if opened is not None and tokens[opened - 1].kind == "word":
        closed = next((n for n in range(opened, len(tokens)) if tokens[n].text == ")"), None)
        after = tokens[closed + 1] if closed is not None and closed + 1 < len(tokens) else None
        if closed is None:
            return None
        if after is None or after.word == "from" or after.text == ",":
            return "Aggregate expressions must have column aliases"
        return f"Unsupported aggregate function: {_render(tokens[opened - 1 : closed + 1])}"
    if token is None:
        return "A FROM clause is required" if before.word not in ("select", "from") else None
    if token.text == "*" or (token.text == "," and before.text == "*"):
        return "Mixed wildcard projections are not supported"
    if token.kind in ("number", "string", "hex") or token.text in ARITHMETIC or token.word in RESERVED:
        return (
            None if token.word in ("from", "where") else f"Unsupported projection expression: {_segment(tokens, place)}"
        )
    return None


def _in_from(tokens: list[_Token], place: int, token: _Token | None) -> str | None:
    if token is None:
        return None
    if token.word in JOIN_WORDS:
        return "Non-inner joins are not supported"
    if token.text == ",":
        return "Implicit joins are not supported"
    if token.text == "(":
        closed = next((n for n in range(place, len(tokens)) if tokens[n].text == ")"), len(tokens) - 1)
        return f"Unsupported FROM expression: {_render(tokens[place : closed + 1])}"
    if token.text == ".":
        return f"Multi-part names are not supported: {_render(tokens[place - 1 : place + 2])}"
    return None


def _in_condition(text: str, tokens: list[_Token], place: int, token: _Token | None) -> str | None:
    if token is None:
        return None
    if token.word in CALL_WORDS and (error := _call_word(text, tokens, place)) is not None:
        return error
    if token.word == "null":
        return "Unsupported literal expression: NULL"
    if token.text in ARITHMETIC:
        return f"Unsupported binary operator: {token.text}"
    refused = ("not", "is", "in", "like", "ilike", "between", "case", "similar", *CALL_WORDS)
    if token.word in refused or token.text in ("(", "::"):
        return f"Unsupported expression: {_segment(tokens, place)}"
    return None


def _in_values(tokens: list[_Token], place: int, token: _Token | None, clause: str) -> str | None:
    if token is None or (clause == "set" and not any(t.text == "=" or t.word == "to" for t in tokens[2:place])):
        return None
    if token.word == "null":
        return "Unsupported literal expression: NULL"
    if token.text.startswith(":"):
        return f"Unsupported literal expression: {token.text}"
    if clause == "values":
        depth = sum({"(": 1, ")": -1}.get(each.text, 0) for each in tokens[:place])
        return f"Unsupported INSERT value: {_segment(tokens, place)}" if depth > 0 else None
    return f"Unsupported column/variable assignment expression: {_assigned(tokens, place)}"


def _expected(accepted: frozenset[str]) -> str:
    if accepted & {"$END", "SEMICOLON"}:
        return "end of statement"
    if {"NUMBER", "STRING"} <= accepted:
        return "an expression:" if "NAME" in accepted else "a literal"
    names = accepted & {"NAME", "ANY_NAME", "QUOTED"}
    if names and "STAR" in accepted:
        return "identifier"
    rest = sorted(ACCEPTED.get(each, each.lstrip("_")) for each in accepted - names)
    return " or ".join((["identifier"] if names else []) + rest)


def _unsupported(text: str, tokens: list[_Token], place: int) -> str | None:
    """Return the host's text for a construct that it knows and does not support; None if it is none of those."""
    token = tokens[place] if place < len(tokens) else None
    clause = next((t.word for t in reversed(tokens[:place]) if t.word in CLAUSES), "")
    if token is not None and token.word in WHOLE_STATEMENT:
        return f"Unsupported: {normalised(text)}"
    match clause:
        case "select":
            return _in_select_list(text, tokens, place, token)
        case "from":
            return _in_from(tokens, place, token)
        case "where":
            return _in_condition(text, tokens, place, token)
        case "on":
            if token is not None and token.word in JOIN_WORDS:
                return "Non-inner joins are not supported"
            if token is not None and (
                token.word in ("and", "or", "not")
                or token.kind in ("number", "string", "hex")
                or token.text in COMPARISONS
            ):
                return "Non-column join constraints are not supported"
        case "values" | "set":
            return _in_values(tokens, place, token, clause)
    return None


def explain(text: str, position: int, accepted: frozenset[str]) -> str:
    """Return why the parser stopped at a character of the text, where it would have accepted these terminals."""
    tokens = _scan(text)
    if all(token.text == ";" for token in tokens):
        return "Empty SQL query"
    first = next(token for token in tokens if token.text != ";")
    if first.word not in STATEMENTS:
        return _syntax(text, "an SQL statement", first)
    place = next((n for n, token in enumerate(tokens) if token.start >= position), len(tokens))
    if place and place < len(tokens) and tokens[place - 1].text == ";":
        return "Multiple SQL statements are not supported"
    if first.word in OTHER_STATEMENTS:
        return f"Unsupported: {normalised(text)}"
    found = tokens[place] if place < len(tokens) else None
    if found is not None and found.text in ("'", '"'):
        kind = "string literal" if found.text == "'" else "quoted identifier"
        return f"sql parser error: Unterminated {kind} at {_place(text, found.start)}"
    return _unsupported(text, tokens, place) or _syntax(text, _expected(accepted), found)
