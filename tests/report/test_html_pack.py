"""Data inside a page: it reads back, and nothing in it is markup."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_evo.report.html import packed, script_json, unpacked
from stream_evo.report.html._pack import deltas

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_packed_content_reads_back(content: object) -> None:
    assert unpacked(packed(content)) == content


@given(JSON)
def test_json_of_a_script_reads_back_and_holds_no_markup(content: object) -> None:
    text = script_json(content)
    assert json.loads(text) == content
    assert not set("<>&\u2028\u2029") & set(text)


def test_what_ends_a_script_is_escaped() -> None:
    assert script_json(["</script>"]) == '["\\u003c/script\\u003e"]'


def test_numbers_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        packed([float("nan")])


@given(st.lists(st.integers()))
def test_differences_add_up_to_the_values(values: list[int]) -> None:
    differences = deltas(values)
    assert [sum(differences[: index + 1]) for index in range(len(values))] == values
