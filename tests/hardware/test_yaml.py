"""The YAML reader: what it accepts, what every refusal says, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stream_evo._yaml import AREA, BANDWIDTH, ENERGY, ENERGY_PER_BIT, SIZE, Faults, Section, Unit, open_section, read_yaml
from stream_evo.errors import Fault, InputError, near_matches


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.yaml"


def refusal(path: Path) -> Fault:
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    (fault,) = caught.value.faults
    return fault


def test_values_know_their_place(file: Path) -> None:
    file.write_text("a: 1\nb:\n  - x\n  - {c: 2.5,\n     d: [true, null]}\n")
    root = read_yaml(file)
    assert root.plain() == {"a": 1, "b": ["x", {"c": 2.5, "d": [True, None]}]}
    assert root.lines() == {
        "$": 1,
        "$.a": 1,
        "$.b": 2,
        "$.b[0]": 3,
        "$.b[1]": 4,
        "$.b[1].c": 4,
        "$.b[1].d": 5,
        "$.b[1].d[0]": 5,
        "$.b[1].d[1]": 5,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("no", "no"), ("on", "on"), ("1e10", 1e10), ("017", 17), ("1:30", "1:30"), ("0x10", "0x10"), (".inf", ".inf"), ("'5'", "5"),
     ("-3", -3), ("2024-01-01", "2024-01-01"), (".5", 0.5), ("~", None), ("TRUE", True), ("1_000", "1_000"), ("9" * 50, "9" * 50)],
)  # fmt: skip
def test_scalars_follow_the_core_schema(file: Path, text: str, value: object) -> None:
    file.write_text(f"key: {text}\n")
    found = read_yaml(file).plain()["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "path", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "$.a", "duplicate key"),
        ("a: &x 1\n", 1, "$.a", "anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "$.a", "tags are not accepted"),
        ("a: !secret 1\n", 1, "$.a", "tags are not accepted"),
        ("a: 1\n---\nb: 1\n", 0, "", "more than one document"),
        ("", 0, "", "the file is empty"),
        ("# nothing\n", 0, "", "the file is empty"),
        ("a: [1, 2\nb: 3\n", 2, "", "not valid YAML"),
        ("a: 1\n  b: 2\n", 2, "", "not valid YAML"),
        ("a: \x01\n", 0, "", "not valid YAML"),
        ("[a, b]: 1\n", 1, "$", "a key must be a name"),
        ("a:\n  " + "[" * 40 + "]" * 40, 2, "", "nested deeper"),
    ],
)
def test_what_is_not_accepted_is_refused_at_its_place(file: Path, text: str, line: int, path: str, what: str) -> None:
    file.write_text(text)
    fault = refusal(file)
    assert (fault.line, fault.path) == (line, path)
    assert what in fault.what + fault.found


def test_a_key_that_stands_twice_does_not_hide_other_faults(file: Path) -> None:
    file.write_text("a: 1\nb: {c: x, d: 1, c: 2}\na: 2\ne: 5\nf: 1\n")
    root, faults = open_section(file)
    assert root.integer("a") == 1, "the first counts"
    below = root.section("b")
    assert below is not None
    assert (below.text("c"), below.integer("d")) == ("x", 1)
    assert [section.sound for section in (root, below)] == [False, False]
    assert [below.at_fault(key) for key in "cd"] == [True, False]
    assert [root.at_fault(key) for key in "abef"] == [True, True, False, False]
    root.text("e")
    root.close()
    with pytest.raises(InputError) as caught:
        faults.check()
    assert [(fault.line, fault.path, fault.what) for fault in caught.value.faults] == [
        (2, "$.b.c", "duplicate key"),
        (3, "$.a", "duplicate key"),
        (4, "$.e", "wrong type"),
        (5, "$.f", "unknown key 'f'"),
    ]


def test_two_mappings_at_one_key_count_as_one(file: Path) -> None:
    root, faults = section(file, "a: {x: 1, y: 2}\na: {y: 3, z: 4}\n")
    assert root.node.plain() == {"a": {"x": 1, "y": 2, "z": 4}}
    below = root.section("a")
    assert below is not None
    assert [below.at_fault(key) for key in "xyz"] == [False, True, False]
    assert [(fault.what, fault.line, fault.path) for fault in faults.found] == [("duplicate key", 2, "$.a")]


def test_keys_that_stand_twice_are_told_with_what_ends_reading(file: Path) -> None:
    file.write_text("a: 1\na: 2\nb: !x 1\n")
    for read in (read_yaml, open_section):
        with pytest.raises(InputError) as caught:
            read(file)
        assert [(fault.what, fault.line) for fault in caught.value.faults] == [("duplicate key", 2), ("tags are not accepted", 3)]
    file.write_text("- {a: 1, a: 2}\n")
    with pytest.raises(InputError) as caught:
        open_section(file)
    assert {fault.what for fault in caught.value.faults} == {"duplicate key", "wrong type"}


def test_very_many_keys_that_stand_twice_take_no_time(file: Path) -> None:
    file.write_text("".join(f"a: {{b{i}: 1}}\n" for i in range(20_000)))
    root, faults = open_section(file)
    assert len(faults.found) == 19_999
    assert len(root.node.plain()["a"]) == 20_000


def test_of_files_of_other_programs_the_last_value_counts(file: Path) -> None:
    file.write_text("a: 1\nb: {c: 1}\na: 2\nb: {d: 2}\n")
    duplicates: list[Fault] = []
    assert read_yaml(file, duplicates=duplicates).plain() == {"a": 2, "b": {"d": 2}}
    assert [fault.path for fault in duplicates] == ["$.a", "$.b"]


def test_nesting_without_end_is_refused_and_does_not_crash(file: Path) -> None:
    file.write_text("[" * 200_000)
    with pytest.raises(InputError):
        read_yaml(file)


def test_a_bomb_of_aliases_is_refused_before_it_grows(file: Path) -> None:
    levels = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    file.write_text("\n".join(levels))
    with pytest.raises(InputError, match="anchors and aliases"):
        read_yaml(file)


def test_files_that_cannot_be_read_are_refused(file: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.yaml").found == "No such file or directory"
    assert "cannot be read" in refusal(tmp_path).what
    file.write_bytes(b"a: \xff\xfe\n")
    assert refusal(file).expected == "UTF-8"
    file.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert "too large" in refusal(file).what


def test_a_byte_order_mark_is_no_part_of_the_first_key(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(file).plain() == {"a": 1}


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abc xyz-:#'\"", max_size=8)
)
documents = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=5),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ghij", min_size=1, max_size=4), inner, max_size=3)
    ),
    min_size=1,
)


@given(documents)
def test_a_written_document_is_read_back(tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("yaml") / "file.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert read_yaml(path).plain() == document


def section(file: Path, text: str) -> tuple[Section, Faults]:
    file.write_text(text)
    return open_section(file)


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        (SIZE, "3 bit", 3.0),
        (SIZE, "0.5 KiB", 4096.0),
        (SIZE, "2MiB", 2.0 * 8 * 1024**2),
        (SIZE, "1 GiB", 8.0 * 1024**3),
        (BANDWIDTH, "16 B/cycle", 128.0),
        (ENERGY, "1.5e2 pJ", 150.0),
        (ENERGY, "2 nJ", 2000.0),
        (ENERGY, "500 fJ", 0.5),
        (ENERGY_PER_BIT, "8 pJ/B", 1.0),
        (AREA, "0.25 mm2", 0.25),
    ],
)
def test_quantities_are_converted(file: Path, unit: Unit, text: str, value: float) -> None:
    root, faults = section(file, f"key: {text}\n")
    assert root.quantity("key", unit) == pytest.approx(value, rel=1e-15)
    faults.check()


@pytest.mark.parametrize(
    "text",
    [
        "12",
        "12.5",
        "KiB",
        "1 kb",
        "1 KB",
        "12 KiB extra",
        "1e400 KiB",
        "true",
        "[1 KiB]",
        "0 KiB",
        "-1 KiB",
        "0.1 bit",
        "0x10 B",
        "1 e 3 B",
    ],
)
def test_quantities_in_bad_form_are_faults(file: Path, text: str) -> None:
    root, faults = section(file, f"key: {text}\n")
    root.quantity("key", SIZE, positive=True)
    assert [(fault.line, fault.path) for fault in faults.found] == [(1, "$.key")]


def test_a_quantity_too_large_for_a_number_is_a_fault(file: Path) -> None:
    root, faults = section(file, "key: 1e400 pJ\n")
    root.quantity("key", ENERGY)
    assert [(fault.what, fault.expected) for fault in faults.found] == [("out of range", "a finite number")]


def test_a_quantity_beyond_all_reason_is_a_fault(file: Path) -> None:
    root, faults = section(file, "key: 1e30 GiB\nmost: 131072 GiB\n")
    root.quantity("key", SIZE)
    assert root.quantity("most", SIZE) == 2**50
    assert [(fault.what, fault.expected) for fault in faults.found] == [("out of range", "a size of at most 1.1259e+15 bit")]


def test_a_text_that_looks_like_a_number_is_shown_in_quotes(file: Path) -> None:
    root, faults = section(file, "a: '4'\nb: four\n")
    root.integer("a")
    root.integer("b")
    assert [fault.found for fault in faults.found] == ["'4'", "four"]


@pytest.mark.parametrize("name", ["TPU_LIKE", "tpu-like", "Tpu_lik"])
def test_near_names_are_found_whatever_their_case(name: str) -> None:
    assert near_matches(name, ["simd", "tpu_like"]) == "Did you mean tpu_like? Known: simd, tpu_like"


def test_getters_return_what_is_there(file: Path) -> None:
    root, faults = section(file, "t: x\ni: 3\nn: 2\nf: false\nl: [a, b]\ns: {k: 1}\nm: [{k: 1}, {k: 2}]\n")
    assert (root.text("t"), root.integer("i"), root.number("n"), root.flag("f"), root.names("l")) == ("x", 3, 2.0, False, ("a", "b"))
    below = root.section("s")
    assert below is not None
    assert below.integer("k") == 1
    assert [item.integer("k") for item in root.sections("m")] == [1, 2]
    assert root.keys() == tuple(root) == ("t", "i", "n", "f", "l", "s", "m")
    root.close()
    faults.check()


def test_defaults_stand_in_for_missing_keys_without_a_fault(file: Path) -> None:
    root, faults = section(file, "a: 1\n")
    assert (root.text("t", default="d"), root.integer("i", default=7), root.number("n", default=0.5), root.flag("f", default=True)) == (
        "d",
        7,
        0.5,
        True,
    )
    assert (root.names("l", default=("z",)), root.quantity("q", SIZE, default=9), root.section("s", optional=True)) == (("z",), 9, None)
    faults.check()


@pytest.mark.parametrize("getter", ["text", "integer", "number", "flag", "names", "section", "sections"])
def test_a_missing_key_is_a_fault_of_its_section(file: Path, getter: str) -> None:
    root, faults = section(file, "a:\n  b: 1\n")
    below = root.section("a")
    assert below is not None
    getattr(below, getter)("key")
    (fault,) = faults.found
    assert (fault.what, fault.line, fault.path) == ("missing key 'key'", 1, "$.a")
    assert not below.sound


@pytest.mark.parametrize(
    ("getter", "text"),
    [("text", "5"), ("text", "[a]"), ("text", "''"), ("integer", "1.5"), ("integer", "true"), ("integer", "'1'"), ("number", "x"),
     ("number", "false"), ("flag", "1"), ("flag", "no"), ("names", "a"), ("names", "[1]"), ("names", "[a, a]"), ("section", "[]"),
     ("sections", "{}"), ("sections", "[1]")],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_a_fault(file: Path, getter: str, text: str) -> None:
    root, faults = section(file, f"first: 1\nkey: {text}\n")
    getattr(root, getter)("key")
    (fault,) = faults.found
    assert fault.line == 2
    assert fault.path.startswith("$.key")


def test_limits_are_inclusive(file: Path) -> None:
    root, faults = section(file, "a: 1\nb: 4\nc: 0\nd: 5\ne: 0.5\n")
    assert [root.integer(key, minimum=1, maximum=4) for key in "ab"] == [1, 4]
    faults.check()
    assert [root.integer(key, minimum=1, maximum=4) for key in "cd"] == [1, 1]
    assert root.number("e", minimum=0.6) == 0.6
    assert [fault.path for fault in faults.found] == ["$.c", "$.d", "$.e"]


def test_unknown_keys_are_faults_with_near_names(file: Path) -> None:
    root, faults = section(file, "name: x\nbandwith: 3\n")
    root.text("name")
    root.has("bandwidth")
    root.close()
    (fault,) = faults.found
    assert (fault.what, fault.line, fault.path) == ("unknown key 'bandwith'", 2, "$.bandwith")
    assert fault.hint == "Did you mean bandwidth? Known: name, bandwidth"


def test_soundness_looks_at_a_section_and_what_is_below_it_only(file: Path) -> None:
    root, faults = section(file, "a: {x: 1}\nab: {x: []}\n")
    left, right = root.section("a"), root.section("ab")
    assert left is not None
    assert right is not None
    left.integer("x")
    right.integer("x")
    assert left.sound
    assert not right.sound
    assert not root.sound
    with pytest.raises(InputError, match="1 fault"):
        faults.check()


def test_a_root_that_is_no_mapping_is_refused(file: Path) -> None:
    file.write_text("- a\n- b\n")
    with pytest.raises(InputError, match="expected a mapping"):
        open_section(file)
