"""The grammar: whatever it does not derive is not supported.

Keywords in any case, names case-sensitive; a name in double quotes may be anything. Words that start another construct
in PostgreSQL (`position`, `cast`, `not`, …) or end an alias (`order`, `left`, …) need quotes where a name stands alone,
as SpacetimeDB 2.8.3 was seen to do; after a dot, after AS, after SET and in the column list of INSERT they need none.
"""

from typing import Any

from lark import Lark, Transformer

# Words with which an expression, or what may follow a table or column, begins; so they cannot be bare names there.
RESERVED_WORDS = """
select from where as inner join on and or not true false null limit offset fetch order group having union except
intersect left right full outer cross natural using with for window set returning position cast try_cast safe_cast
case exists extract ceil floor substring overlay trim interval array listagg distinct all current_timestamp
current_time current_date localtime localtimestamp current_user session_user user
"""
KEYWORD_WORDS = (
    "select from where as inner join on and or true false limit insert into values update set delete show to"
)
RESERVED, KEYWORDS = RESERVED_WORDS.split(), KEYWORD_WORDS.split()

GRAMMAR = (
    r"""
start: statement ";"*

?statement: select | insert | update | delete | set_variable | show

select: _SELECT projection _FROM source [where] [limit]
?projection: star | count | items
star: "*" | name "." "*"
count: _COUNT "(" "*" ")" (_AS any_name | bare_name)
items: item ("," item)*
item: column [_AS any_name | bare_name]
source: table join*
      | "*"                                              -> everything
table: name [_AS any_name | bare_name]
join: _INNER? _JOIN table _ON (on | "(" on ")")
?on: column "=" column                                   -> meeting
?where: _WHERE expression
limit: _LIMIT NUMBER

insert: _INSERT _INTO name [columns] _VALUES row ("," row)*
columns: "(" any_name ("," any_name)* ")"
row: "(" literal ("," literal)* ")"
update: _UPDATE name _SET assignments [where]
assignments: assignment ("," assignment)*
assignment: any_name "=" literal
delete: _DELETE _FROM name [where]
set_variable: _SET any_name (_TO | "=") literal
show: _SHOW any_name

?expression: conjunction
           | conjunction (_OR conjunction)+              -> disjunction
?conjunction: comparison
            | comparison (_AND comparison)+              -> conjoined
?comparison: atom
           | atom OPERATOR atom                          -> compared
           | atom "=" atom                               -> equal
?atom: column | literal | sender | "(" expression ")"

column: name                                             -> bare_column
      | name "." any_name                                -> qualified_column
?literal: SIGN? NUMBER                                   -> number
        | STRING                                         -> string
        | HEX                                            -> hex
        | _TRUE                                          -> true
        | _FALSE                                         -> false
sender: _SENDER

name: NAME | QUOTED
bare_name: NAME | QUOTED
any_name: ANY_NAME | QUOTED

NAME: /(?!(?:RESERVED_HERE)(?![\w$]))[^\W\d][\w$]*/i
ANY_NAME: /[^\W\d][\w$]*/
QUOTED: /"(?:[^"]|"")+"/
_COUNT.2: /count(?=\s*\()/i
OPERATOR: "<>" | "!=" | "<=" | ">=" | "<" | ">"
SIGN: "+" | "-"
NUMBER: /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/
STRING: /'(?:[^']|'')*'/
HEX.2: /0[xX][0-9a-fA-F]*|[xX]'[0-9a-fA-F]*'/
_SENDER: ":sender"
%ignore /\s+/
%ignore /--[^\n]*/
%ignore /\/\*(?:[^*]|\*(?!\/))*\*\//
""".replace("RESERVED_HERE", "|".join(RESERVED))
    + "".join(rf"_{word.upper()}.1: /{word}(?![\w$])/i" + "\n" for word in KEYWORDS)
)


def build_parser(transformer: Transformer[Any, Any]) -> Lark:
    """Return a parser that gives what the transformer makes; it keeps no state between calls."""
    return Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=transformer, maybe_placeholders=True)
