"""Whatever bytes a decoder meets, it reads them or says what is wrong: also all that ever made one fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.fuzzing import Finding, changed, corpus, judge, targets


@pytest.mark.parametrize("name", sorted(targets()))
def test_the_kept_corpus_finds_nothing(name: str) -> None:
    said = {judge(name, data) for data in corpus(name)}
    assert len(said) > 1, "the corpus reaches more than one answer"


@pytest.mark.parametrize("name", sorted(targets()))
@given(data=st.data())
def test_changed_inputs_find_nothing(name: str, data: st.DataObject) -> None:
    pool = corpus(name)
    rng = data.draw(st.randoms(use_true_random=False))
    for _ in range(4):
        judge(name, changed(rng.choice(pool), rng.choice(pool), rng))


@pytest.mark.parametrize("name", sorted(targets()))
@given(data=st.binary(max_size=200))
def test_any_bytes_find_nothing(name: str, data: bytes) -> None:
    judge(name, data)


def test_a_decoder_that_fails_in_another_way_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rig must be able to fail."""
    monkeypatch.setattr("chaos.fuzzing.split_rows", lambda data, _at: (data[9], 1))
    with pytest.raises(Finding):
        judge("rows", b"short")
