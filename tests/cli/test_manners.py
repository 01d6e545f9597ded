"""How commands behave on terminals, in pipes and in scripts: what is shown where, exit codes, completion."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from stream_evo._cli import _activity, _complete
from stream_evo._cli._activity import Activity, Verbosity, current_activity, verbosity
from stream_evo._cli._console import print_line, print_table
from stream_evo.cli import app, main
from stream_evo.errors import PluginError

Cli: TypeAlias = Callable[..., Any]  # runs one command; see conftest.py
LOG = logging.getLogger("stream_evo.test")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_every_command_can_be_quiet_and_verbose(cli: Cli) -> None:
    for command in app.registered_commands:
        shown = cli(command.name, "--help").out
        assert "--quiet" in shown, command.name
        assert "--verbose" in shown, command.name


def test_the_version_needs_no_command(cli: Cli) -> None:
    shown = cli("--version")
    assert shown.code == 0
    assert re.fullmatch(r"stream-evo \d+\.\d+\S*\n", shown.out)
    assert shown.err == ""


def test_quiet_and_verbose_exclude_each_other(cli: Cli) -> None:
    done = cli("list", "engines", "--quiet", "--verbose")
    assert (done.code, done.out) == (2, "")
    assert "exclude each other" in done.err


def test_verbose_says_what_is_done_and_quiet_says_nothing(cli: Cli, small_network: Path) -> None:
    words = ("inspect", small_network)
    plain, loud, mute = cli(*words), cli(*words, "-v"), cli(*words, "-q")
    assert plain.out == loud.out == mute.out
    assert f"reading network {small_network}" in loud.err
    assert plain.err == mute.err == ""


def test_a_quiet_search_writes_results_only(cli: Cli, small_network: Path, tmp_path: Path) -> None:
    search = ("run", "--network", small_network, "--hardware", "heterogeneous_quad", "--population", 4, "--generations", 1)
    assert "minimising" in cli(*search, "--out", tmp_path / "a").err
    done = cli(*search, "--out", tmp_path / "b", "--quiet")
    assert done.err == ""
    assert "least energy" in done.out


def test_errors_are_told_even_if_quiet(cli: Cli) -> None:
    done = cli("inspect", "no_such_network", "--quiet")
    assert done.code == 2
    assert "unknown network" in done.err


def test_the_logger_is_as_before_after_a_command(cli: Cli) -> None:
    logger = logging.getLogger("stream_evo")
    before = (logger.level, list(logger.handlers))
    cli("list", "engines", "-v")
    assert (logger.level, logger.handlers) == before
    assert current_activity() is None
    assert verbosity() is Verbosity.NORMAL


# ------------------------------------------------------------------------------------------------------------ live line


def test_a_live_line_shows_what_takes_long_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(_activity, "_SHOWN_AFTER_S", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    with Activity(Verbosity.NORMAL) as activity:
        LOG.info("doing the first thing")
        deadline = time.monotonic() + 10
        while "doing the first thing" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "doing the first thing" in stream.getvalue()
        activity.clear()
        assert stream.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K") or "\x1b[?25h" in stream.getvalue()  # the cursor is back
        shown = stream.getvalue()
        LOG.info("doing the second thing")
        time.sleep(0.05)
        assert stream.getvalue() == shown  # what is written now is the command's own


def test_what_is_fast_shows_no_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Activity(Verbosity.NORMAL):
        LOG.info("doing something")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("level", [Verbosity.NORMAL, Verbosity.QUIET])
def test_pipes_get_no_live_line(level: Verbosity, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO() if level is Verbosity.NORMAL else Terminal()
    monkeypatch.setattr(_activity, "_SHOWN_AFTER_S", 0.0)
    monkeypatch.setattr(sys, "stderr", stream)
    with Activity(level):
        LOG.info("doing something")
        time.sleep(0.05)
    assert stream.getvalue() == ""


# --------------------------------------------------------------------------------------------------------------- colour


@pytest.mark.parametrize(
    ("environment", "stream", "coloured"),
    [
        ({}, Terminal, True),
        ({"NO_COLOR": "1"}, Terminal, False),
        ({"NO_COLOR": ""}, Terminal, True),
        ({"TERM": "dumb"}, Terminal, False),
        ({}, io.StringIO, False),
    ],
)
def test_colour_only_where_it_is_wanted(
    environment: dict[str, str], stream: type[io.StringIO], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    errors = stream()
    monkeypatch.setattr(sys, "stderr", errors)
    assert main(["inspect", "no_such_network"]) == 2
    assert ("\x1b[" in errors.getvalue()) is coloured
    assert "error:" in errors.getvalue()


def test_tables_have_frames_on_terminals_and_none_in_pipes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cli("list", "engines").out
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["list", "engines"]) == 0
    framed = terminal.getvalue()
    assert "nsga2" in plain
    assert "nsga2" in framed
    assert plain.isascii()
    assert "─" in framed
    assert not re.search(r"\x1b\[[34]\d", framed)  # no colour


def test_json_is_all_of_standard_output(cli: Cli, small_network: Path) -> None:
    for words in (("list", "hardware"), ("inspect", small_network), ("schema",), ("cost", "--core", "tpu_like", "--dims", "K=4")):
        json.loads(cli(*words, "--json", "--verbose").out)


# ----------------------------------------------------------------------------------------------------------- completion


def _complete_words(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setenv("_STREAM_EVO_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    capsys.readouterr()
    main([])
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("stream-evo doc", ["doctor"]),
        ("stream-evo run --network res", ["resnet18", "resnet50"]),
        ("stream-evo inspect squ", ["squeezenet"]),
        ("stream-evo evaluate --hardware homogeneous_quad_mesh_dual_port_", ["homogeneous_quad_mesh_dual_port_big_weights"]),
        ("stream-evo run --hardware heterogeneous_quad --forbid-core s", ["simd"]),
        ("stream-evo run --forbid-core s", []),
        ("stream-evo run --objectives energy,", ["energy,latency", "energy,memory", "energy,edp", "energy,dram"]),
        ("stream-evo run --engine pymoo:SM", ["pymoo:SMSEMOA"]),
        ("stream-evo run --operator crossover.u", ["crossover.uniform"]),
        ("stream-evo run resnet18_h", ["resnet18_hetero_quad", "resnet18_homo_quad"]),
        ("stream-evo cost --core tpu", ["tpu_like"]),
        ("stream-evo cost --op gem", ["gemm"]),
        ("stream-evo schema pro", ["problem"]),
        ("stream-evo list har", ["hardware"]),
        ("stream-evo export runs/mine --format par", ["parquet"]),
        ("stream-evo run --network ./", []),
    ],
)
def test_tab_completes_names(line: str, offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _complete_words(line, monkeypatch, capsys) == offered


def test_completion_is_silent_where_a_plug_in_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, object]:
        raise PluginError("cannot be loaded")

    monkeypatch.setattr("stream_evo.registry.networks", broken)
    assert _complete.networks("res") == []


def test_bash_loads_the_completion_script() -> None:
    environment = {**os.environ, "_STREAM_EVO_COMPLETE": "source_bash"}
    script = subprocess.run([sys.executable, "-m", "stream_evo"], env=environment, capture_output=True, text=True, check=True).stdout
    asked = subprocess.run(["bash", "-c", f"{script}\ncomplete -p stream-evo"], capture_output=True, text=True, check=True).stdout
    assert asked.strip().endswith("stream-evo")


def test_columns_of_piped_tables_line_up_with_wide_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ["layer", "tiles"], [["層 一", 3], ["e\u0301t\u00e9", 12], ["plain", 4]], numeric=["tiles"])
    assert capsys.readouterr().out.splitlines() == ["layer  tiles", "層 一      3", "e\u0301t\u00e9       12", "plain      4"]


def narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal of 60 columns that is standard output until the test ends."""
    shown = Terminal()
    monkeypatch.setattr("sys.stdout", shown)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    return shown


def test_names_on_a_terminal_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow_terminal(monkeypatch)
    print_table("chip [/x] :x:", ["layer"], [["conv:x:1 [bold]b[/bold]"]])
    assert "chip [/x] :x:" in terminal.getvalue()
    assert "conv:x:1 [bold]b[/bold]" in terminal.getvalue()


def test_a_live_line_shows_names_as_they_are(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setattr(_activity, "_SHOWN_AFTER_S", 0.0)
    with Activity(Verbosity.NORMAL):
        LOG.info("tiles of [/x] :x: on a chip")
        deadline = time.monotonic() + 10
        while "tiles of" not in shown.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
            LOG.info("tiles of [/x] :x: on a chip")
    assert "tiles of [/x] :x: on a chip" in shown.getvalue()


def test_wide_tables_take_the_form_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow_terminal(monkeypatch)
    numbers = [f"number {index}" for index in range(5)]
    print_table("t", ["run", *numbers], [["a", *range(5)]], numeric=numbers)  # too wide with frames
    assert "─" not in terminal.getvalue()
    assert "number 0  number 1" in terminal.getvalue()
    terminal.truncate(0)
    names = [f"quantity {index}" for index in range(9)]
    print_table("t", ["run", *names], [["first", *range(9)], ["second", *range(9)]], numeric=names)  # much too wide
    assert re.search(r"run +┃ +first ┃ +second", terminal.getvalue())
    assert re.search(r"quantity 8 +│ +8 │ +8", terminal.getvalue())


def test_a_result_ends_the_live_line_first(monkeypatch: pytest.MonkeyPatch) -> None:
    cleared = []
    with Activity(Verbosity.NORMAL) as activity:
        monkeypatch.setattr(activity, "clear", lambda: cleared.append(True))
        print_line("done")
    assert cleared[0]
