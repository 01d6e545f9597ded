"""Catalogues from entry points, and what a user may type for a network, a chip or a core."""

from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

import pytest

from stream_evo import registry
from stream_evo.errors import InputError, PluginError, UnknownNameError

Install: TypeAlias = Callable[..., None]  # pretends that exactly these entry points are installed


class FakeEntry:
    """What `importlib.metadata.EntryPoint` offers of itself."""

    def __init__(self, name: str, content: object) -> None:
        self.name, self.value, self._content = name, f"{name}:CONTENT", content

    def load(self) -> object:
        """Return the content, or fail like an import."""
        if isinstance(self._content, Exception):
            raise self._content
        return self._content


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Pretend that exactly these entry points are installed."""

    def pretend(*entries: FakeEntry) -> None:
        monkeypatch.setattr(metadata, "entry_points", lambda **_: list(entries))
        registry._catalogue.cache_clear()

    yield pretend
    registry._catalogue.cache_clear()


def test_catalogues_of_all_packages_are_merged_in_order(install: Install) -> None:
    install(FakeEntry("a", {"z": 1, "b": 2}), FakeEntry("other", {"m": 3}))
    assert dict(registry.problems()) == {"b": 2, "m": 3, "z": 1}
    assert list(registry.problems()) == ["b", "m", "z"]


def test_the_same_entry_point_twice_is_one(install: Install) -> None:
    content = {"a": 1}
    install(FakeEntry("x", content), FakeEntry("x", content))
    assert dict(registry.operators()) == content


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([FakeEntry("x", {"n": 1}), FakeEntry("y", {"n": 2})], "gives the name 'n', which .* gives already"),
        ([FakeEntry("x", ["n"])], "must be a mapping from names to content, not list"),
        ([FakeEntry("x", ImportError("no module nowhere"))], "cannot be loaded: no module nowhere"),
    ],
)
def test_a_broken_package_is_named(install: Install, entries: list[FakeEntry], message: str) -> None:
    install(*entries)
    with pytest.raises(PluginError, match=message):
        registry.networks()


@pytest.mark.parametrize(
    ("load", "near", "kind"),
    [
        (registry.load_network, ("resnet81", "resnet18"), "network"),
        (registry.load_hardware, ("heterogenous_quad", "heterogeneous_quad"), "hardware"),
        (registry.load_core, ("tpu_lik", "tpu_like"), "core"),
    ],
)
def test_an_unknown_name_lists_near_ones(load: Callable[..., object], near: tuple[str, str], kind: str) -> None:
    with pytest.raises(UnknownNameError, match=f"unknown {kind} '{near[0]}'.*Did you mean .*{near[1]}"):
        load(near[0])


@pytest.mark.parametrize(
    ("load", "file"),
    [
        (registry.load_network, "no.onnx"),
        (registry.load_hardware, "no.yaml"),
        (registry.load_core, "no.yml"),
        (registry.load_network, "a/b"),
    ],
)
def test_a_missing_file_is_an_input_error(load: Callable[..., object], file: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load(str(tmp_path / file))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a folder"):
        registry.load_hardware(tmp_path)
