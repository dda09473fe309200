"""Why a text is refused, in the words of a SpacetimeDB 2.8.3 host where they were seen."""


def explain(text: str, position: int, accepted: frozenset[str]) -> str:
    return f"sql parser error at {position} {accepted}"

def normalised(text: str) -> str:
    return text

def star_in_from(text: str) -> str:
    return "sql parser error: Expected identifier, found: *"
