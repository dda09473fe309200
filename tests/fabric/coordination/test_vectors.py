"""Every reducer of coordination and of the import has a vector file; test_reducer_vectors.py runs them."""

from agent_spaces.fabric.reducers import importing, knowledge, task_claims, tasks, votes
from agent_spaces.module import reducer_definition_of
from fabric.vectors import FOLDER


def test_every_reducer_has_vectors() -> None:
    nouns = (tasks, task_claims, votes, knowledge, importing)
    names = {reducer_definition_of(function).name for noun in nouns for function in noun.REDUCERS}

    assert names - {path.stem for path in FOLDER.glob("*.json")} == set()
    assert len(names) == 16 + 2 + 28 + 22
