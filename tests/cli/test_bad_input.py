"""Every kind of bad input ends with exit code 2, a message that says what to do, no traceback, and nothing written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from stream_evo.registry import accelerators, cores

CHIP = "heterogeneous_quad"
Cli: TypeAlias = Callable[..., Any]  # runs one command; see conftest.py


def _refused(outcome: Any, *phrases: str, out: Path | None = None) -> None:
    """Check that a command was refused as bad input must be."""
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.err
    for phrase in phrases:
        assert phrase in outcome.err
    assert outcome.out == ""
    assert out is None or not out.exists()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("options", "phrases"),
    [
        (("--network", "resnet81", "--hardware", CHIP), ("unknown network 'resnet81'", "Did you mean", "resnet18")),
        (("--network", "resnet18", "--hardware", "heterogenous_quad"), ("unknown hardware", "Did you mean heterogeneous_quad")),
        (("--network", "resnet18"), ("--hardware missing", "stream-evo list problems")),
        (("--network", "no.onnx", "--hardware", CHIP), ("no.onnx", "no such file")),
        (("--network", "resnet18", "--hardware", "no.yaml"), ("no.yaml", "no such file")),
        (("resnet18_heterogeneus",), ("unknown problem", "Known:")),
        (("no_problem.yaml",), ("no_problem.yaml", "no such file")),
    ],
)
def test_names_and_files_that_do_not_exist(cli: Cli, out: Path, options: tuple[str, ...], phrases: tuple[str, ...]) -> None:
    _refused(cli("run", *options, "--out", out), *phrases, out=out)


@pytest.mark.parametrize(
    ("option", "value", "phrases"),
    [
        ("--objectives", "energy,latancy", ("unknown objective 'latancy'", "Did you mean latency")),
        ("--objectives", ",", ("nothing to minimise",)),
        ("--objectives", "energy,energy", ("named twice",)),
        ("--population", "1", ("--population",)),
        ("--population", "1000000000000", ("population", "at most 1,000,000")),
        ("--out", "", ("--out", "the path is empty")),
        ("--objectives", "ENERGY", ("unknown objective", "Did you mean energy")),
        ("--generations", "0", ("--generations",)),
        ("--evaluations", "0", ("--evaluations",)),
        ("--seed", "-1", ("--seed",)),
        ("--workers", "0", ("--workers",)),
        ("--time-limit", "0", ("time_limit_s", "above 0")),
        ("--time-limit", "nan", ("time_limit_s", "above 0")),
        ("--max-latency", "-3", ("limits.latency", "above 0")),
        ("--engine", "nsga3", ("unknown engine 'nsga3'", "Did you mean", "nsga2")),
        ("--operator", "mutation.step_tiles", ("unknown operator", "Did you mean", "mutation.step_tile")),
        ("--operator", "no_file.py:Mine", ("no_file.py",)),
        ("--operator", "ops/mine.txt:Mine", ("ops/mine.txt:Mine: an operator of a file is named FILE.py:NAME",)),
        ("--pin", "no_pins.yaml", ("no_pins.yaml",)),
        ("--bits", "I=0 Q=8", ("operand I", "unknown operand 'Q'")),
    ],
)
def test_settings_out_of_range(cli: Cli, out: Path, small_network: Path, option: str, value: str, phrases: tuple[str, ...]) -> None:
    _refused(cli("run", "--network", small_network, "--hardware", CHIP, "--out", out, option, value), *phrases, out=out)


def test_an_output_folder_with_another_run_stays_as_it_is(cli: Cli, out: Path, small_network: Path) -> None:
    out.mkdir()
    (out / "manifest.yaml").write_text("state: finished\n")
    outcome = cli("run", "--network", small_network, "--hardware", CHIP, "--out", out)
    _refused(outcome, "holds another run (manifest.yaml)", "Choose another --out")
    assert [entry.name for entry in out.iterdir()] == ["manifest.yaml"]


def _save(path: Path, nodes: list[onnx.NodeProto], outputs: list[str], shape: list[int | str]) -> Path:
    weights = helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3, 3, 3])
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [image, weights], results)), path)
    return path


def _convolution(name: str = "conv") -> onnx.NodeProto:
    return helper.make_node("Conv", ["x", "w"], ["y"], name=name, kernel_shape=[3, 3])


@pytest.mark.parametrize("content", [b"", b"not an onnx file", b"\x08\x07\x12\x04onnx:\xff\xff"])
@pytest.mark.parametrize("command", ["run", "inspect"])
def test_a_file_that_is_no_onnx_model(cli: Cli, tmp_path: Path, out: Path, content: bytes, command: str) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    words = ("inspect", path) if command == "inspect" else ("run", "--network", path, "--hardware", CHIP, "--out", out)
    _refused(cli(*words), "broken.onnx", out=out)


def test_a_truncated_onnx_file(cli: Cli, tmp_path: Path, small_network: Path, out: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(small_network.read_bytes()[:-7])
    _refused(cli("run", "--network", path, "--hardware", CHIP, "--out", out), "cut.onnx", "truncated", out=out)


def test_all_unsupported_operators_are_named_at_once(cli: Cli, tmp_path: Path, out: Path) -> None:
    odd = [helper.make_node("NonZero", ["y"], ["z"], name="odd_one"), helper.make_node("Unique", ["y"], ["u"], name="odd_two")]
    path = _save(tmp_path / "odd.onnx", [_convolution(), *odd], ["z", "u"], [1, 3, 8, 8])
    outcome = cli("run", "--network", path, "--hardware", CHIP, "--out", out)
    _refused(outcome, "odd_one", "NonZero", "odd_two", "Unique", "--host-ops", out=out)


@pytest.mark.parametrize("command", ["run", "inspect"])
def test_host_operators_are_not_offered_for_a_known_operator(cli: Cli, tmp_path: Path, out: Path, command: str) -> None:
    pool = helper.make_node("MaxPool", ["y"], ["z"], name="odd", kernel_shape=[2, 2], strides=[1])
    path = _save(tmp_path / "odd.onnx", [_convolution(), pool], ["z"], [1, 3, 8, 8])
    outcome = cli(*(("inspect", path) if command == "inspect" else ("run", "--network", path, "--hardware", CHIP, "--out", out)))
    _refused(outcome, "odd.onnx", "odd: MaxPool", "strides", "2 values", "[1]", out=out)
    assert "--host-ops" not in outcome.err


def test_a_shape_that_stays_open(cli: Cli, tmp_path: Path, out: Path) -> None:
    path = _save(tmp_path / "open.onnx", [_convolution()], ["y"], ["batch", 3, "height", 8])
    _refused(cli("run", "--network", path, "--hardware", CHIP, "--out", out), "open.onnx", "height", out=out)


def test_a_layer_no_core_can_run(cli: Cli, out: Path, small_network: Path) -> None:
    outcome = cli("run", "--network", small_network, "--hardware", "depfin", "--out", out)
    _refused(outcome, "join", "no", "runs elementwise", out=out)


def _edit(path: Path, change: Callable[[dict[str, Any]], object], target: Path) -> Path:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    target.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return target


CHIP_FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], tuple[str, ...]]] = {
    "wrong type": (lambda chip: chip.update(cores=3), ("$.cores",)),
    "unknown key": (lambda chip: chip.update(kores={}), ("unknown key 'kores'", "Did you mean cores")),
    "missing unit": (lambda chip: chip["dram"].update(read_energy=650), ("$.dram.read_energy", "pJ")),
    "zero bandwidth": (lambda chip: chip["dram"].update(bandwidth="0 bit/cycle"), ("$.dram.bandwidth",)),
    "negative size": (lambda chip: chip["dram"].update(size="-1 bit"), ("$.dram.size",)),
    "unreachable core": (lambda chip: [link.update(nodes=["core0", "core1"]) for link in chip["links"]], ("core2",)),
    "unknown core": (lambda chip: chip["cores"].update(core0="c16_k61"), ("c16_k61", "c16_k16")),
}


@pytest.mark.parametrize("fault", CHIP_FAULTS)
def test_a_chip_file_with_a_fault(cli: Cli, tmp_path: Path, out: Path, small_network: Path, fault: str) -> None:
    change, phrases = CHIP_FAULTS[fault]
    path = _edit(accelerators()[CHIP], change, tmp_path / "chip.yaml")
    _refused(cli("run", "--network", small_network, "--hardware", path, "--out", out), "chip.yaml", "line ", *phrases, out=out)


def test_all_faults_of_a_chip_file_at_once(cli: Cli, tmp_path: Path, out: Path, small_network: Path) -> None:
    def break_all(chip: dict[str, Any]) -> None:
        for fault in ("unknown key", "missing unit", "negative size"):
            CHIP_FAULTS[fault][0](chip)

    path = _edit(accelerators()[CHIP], break_all, tmp_path / "chip.yaml")
    outcome = cli("run", "--network", small_network, "--hardware", path, "--out", out)
    _refused(outcome, "3 faults", "kores", "$.dram.read_energy", "$.dram.size", out=out)


def test_a_core_with_a_memory_that_nothing_uses(cli: Cli, tmp_path: Path) -> None:
    path = _edit(cores()["tpu_like"], lambda core: core["memories"][0].update(operands=[]), tmp_path / "core.yaml")
    _refused(cli("cost", "--core", path, "--dims", "K=4"), "core.yaml", "$.memories[0]")


def test_a_file_that_is_no_yaml(cli: Cli, tmp_path: Path, out: Path, small_network: Path) -> None:
    path = tmp_path / "chip.yaml"
    path.write_text("cores: [unclosed\n")
    _refused(cli("run", "--network", small_network, "--hardware", path, "--out", out), "chip.yaml", out=out)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("layers: {firts: {core: core0}}", ("firts", "first")),
        ("layers: {first: {core: core9}}", ("core9", "core0")),
        ("layers: {first: {kore: core0}}", ("unknown key 'kore'",)),
        ("layers: {join: {core: core0}}", ("join", "core0")),
        ("layers: {first: {tile_rows: 5}}", ("first", "5")),
        ("layers: {second: {stack: 2}}", ("second", "expected a stack from 0 to 1; found 2")),
        ("layers: {join: {stack: 1}}", ("join", "leave open where the cut lies. Pin stack or cut_after of layers from first")),
        ("layers: {firts: {core: core0}, first: {core: core9, tile_rows: x}}", ("3 faults", "firts", "core9", "wrong type")),
    ],
)
def test_pins_that_cannot_hold(cli: Cli, tmp_path: Path, out: Path, small_network: Path, text: str, phrases: tuple[str, ...]) -> None:
    path = tmp_path / "pins.yaml"
    path.write_text(text)
    outcome = cli("run", "--network", small_network, "--hardware", CHIP, "--pin", path, "--out", out)
    _refused(outcome, "pins.yaml", *phrases, out=out)


def test_forbidden_cores_that_cannot_be(cli: Cli, tmp_path: Path, out: Path, small_network: Path) -> None:
    words = ("run", "--network", small_network, "--hardware", CHIP, "--out", out)
    _refused(cli(*words, "--forbid-core", "cor1"), "no core is called 'cor1'", "Did you mean", "core1", out=out)
    _refused(cli(*words, "--forbid-core", "simd"), "layer join", "none may", out=out)
    path = tmp_path / "pins.yaml"
    path.write_text("layers:\n  first: {core: core1}\n  second: {core: core2}\n")
    both = ("--pin", path, "--forbid-core", "core1", "--forbid-core", "core2")
    _refused(cli(*words, *both), "pins.yaml", "2 faults", "line 2", "line 3", "'core1' is forbidden", "'core2' is forbidden", out=out)


def test_all_faults_of_a_problem_file_at_once(cli: Cli, tmp_path: Path, out: Path) -> None:
    path = tmp_path / "problem.yaml"
    path.write_text("network: resnet81\nhardware: heterogeneous_quad\npopulation: many\nobjectives: [speed]\n")
    _refused(cli("run", path, "--out", out), "problem.yaml", "line 1", "resnet81", "line 3", "line 4", "speed", out=out)


@pytest.mark.parametrize(
    ("words", "phrases"),
    [
        (("--core", "tpu_lik", "--dims", "K=4"), ("unknown core", "Did you mean tpu_like")),
        (("--core", "tpu_like", "--op", "cov", "--dims", "K=4"), ("unknown operator", "Did you mean conv")),
        (("--core", "tpu_like", "--dims", "K=0 Z=3 C"), ("loop K", "unknown loop 'Z'", "not an assignment")),
        (("--core", "tpu_like", "--dims", "K=4", "--stride", "0"), ("--stride", "at least 1")),
        (("--core", "tpu_like", "--dims", "K=4", "--dataflow", "XY"), ("no such dataflow", "KC")),
        (("--core", "tpu_like"), ("--core with --dims, or --table",)),
        (("--table", "no.json"), ("no.json", "cannot be read")),
    ],
)
def test_costs_of_what_cannot_be(cli: Cli, words: tuple[str, ...], phrases: tuple[str, ...]) -> None:
    _refused(cli("cost", *words), *phrases)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [("{", "is not JSON"), ('{"a": 1}', "list of rows"), ('[{"core": "tpu_like"}]', "$[0].layer"), ("[3]", "list of rows")],
)
def test_a_table_of_tiles_with_a_fault(cli: Cli, tmp_path: Path, text: str, phrase: str) -> None:
    path = tmp_path / "tiles.json"
    path.write_text(text)
    _refused(cli("cost", "--table", path, "--json"), "tiles.json", phrase)


def test_options_for_one_tile_beside_a_table(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "tiles.json"
    path.write_text("[]")
    assert cli("cost", "--table", path, "--goal", "energy").code == 0
    words = ("--dram", "--bits", "W=9", "--dataflow", "none", "--stride", "3", "--dims", "K=7", "--core", "nix", "--op", "gemm")
    outcome = cli("cost", "--table", path, *words)
    assert outcome.code == 2
    for name in ("core", "op", "dims", "stride", "bits", "dataflow", "dram"):
        assert f"--{name} is for one tile. A row of the table says it itself" in outcome.err


def test_a_tile_that_does_not_fit_is_nothing_feasible(cli: Cli) -> None:
    words = ("cost", "--core", "tpu_like", "--dims", "K=4096 C=4096 OX=512 OY=512")
    assert cli(*words, "--dram").code == 0
    outcome = cli(*words)
    assert outcome.code == 3, outcome
    assert "the tile does not fit" in outcome.err
    assert "let operands stream with --dram" in outcome.err


@pytest.mark.parametrize("words", [("resume", "no_folder"), ("list", "networs"), ("run",), ("nothing",), ("evaluate",)])
def test_commands_that_lack_something(cli: Cli, words: tuple[str, ...]) -> None:
    _refused(cli(*words))
