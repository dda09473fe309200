"""The module of the rig: all of Spaces, and lists and accounts whose histories can be judged."""

import json
from typing import Annotated

from agent_spaces.errors import RefusedError
from agent_spaces.fabric.module import SPACES
from agent_spaces.module import Own, PrimaryKey, ReducerContext, reducer, table
from agent_spaces.module.definition import Module
from agent_spaces.sats import Identity, u64

ACCOUNTS = 8
OPENING = 100
TOTAL = ACCOUNTS * OPENING


@table("chain", public=True)
class Chain:
    """A list that transactions append to (W2)."""

    key: Annotated[u64, PrimaryKey()]
    values: list[u64]


@table("answer", public=True, visible_to=Own(("sender",)))
class Answer:
    """What the caller's last `append` saw: its number, and the lists as JSON, by key."""

    sender: Annotated[Identity, PrimaryKey()]
    number: u64
    lists: str


@table("account", public=True)
class Account:
    """A balance (W3)."""

    id: Annotated[u64, PrimaryKey()]
    balance: u64


@reducer
def open_accounts(ctx: ReducerContext) -> None:
    """Make the accounts."""
    for number in range(1, ACCOUNTS + 1):
        ctx.db[Account].insert(Account(number, OPENING))


@reducer
def append(ctx: ReducerContext, number: u64, keys: list[u64]) -> None:
    """Append a number to some lists, and answer with these lists after it."""
    lists = {}
    for key in keys:
        before = ctx.db[Chain].find(key)
        row = Chain(key, [number] if before is None else [*before.values, number])
        if before is None:
            ctx.db[Chain].insert(row)
        else:
            ctx.db[Chain].update(row)
        lists[key] = row.values
    answer = Answer(ctx.sender, number, json.dumps(lists))
    if ctx.db[Answer].find(ctx.sender) is None:
        ctx.db[Answer].insert(answer)
    else:
        ctx.db[Answer].update(answer)


@reducer
def transfer(ctx: ReducerContext, source: u64, target: u64, amount: u64) -> None:
    """Move an amount; refused, after half of the work, if there is not enough."""
    accounts = ctx.db[Account]
    into, out = accounts.find(target), accounts.find(source)
    assert into is not None, "accounts are opened first"
    assert out is not None, "accounts are opened first"
    accounts.update(Account(target, into.balance + amount))
    if out.balance < amount:
        raise RefusedError("There is not enough on that account.")
    accounts.update(Account(source, out.balance - amount))


CHAOS = Module(
    [*(each.row_class for each in SPACES.tables.values()), Chain, Answer, Account],
    [*(each.function for each in SPACES.reducers.values()), open_accounts, append, transfer],
)
