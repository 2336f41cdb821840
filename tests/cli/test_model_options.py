"""The options of commands that load a model: made from the fields of `LoadOptions`."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest

from edge_lam.cli.model_options import ModelOptions, load_option, model_options
from edge_lam.cli.options import options_of
from edge_lam.loading.options import FLAGS


def parsed(*arguments: str, command_name: str = "call") -> ModelOptions:
    @click.command(command_name)
    @model_options
    def command(*, model_options: ModelOptions) -> ModelOptions:
        return model_options

    made = command.main(arguments, prog_name=command_name, standalone_mode=False)
    assert isinstance(made, ModelOptions)
    return made if isinstance(made.adapters, dict) else replace(made, adapters=tuple(made.adapters))


def test_without_a_flag_every_option_is_what_load_takes_it_to_be():
    assert parsed() == ModelOptions()


def test_values_arrive_under_the_names_of_load():
    assert parsed("-m", "x.gguf", "--threads", "3", "--no-repack", "--adapter", "a.gguf:0.5", "--verbatim") == (
        ModelOptions(model="x.gguf", n_threads=3, repack=False, adapters=(("a.gguf", 0.5),), verbatim=True)
    )
    assert parsed("--memory-budget", "2kB", "--kv-type", "q8_0") == ModelOptions(memory_budget=2000, kv_type="q8_0")
    assert parsed("--memory-budget", "off", "--fit-context").memory_budget is False


def test_adapters_get_names_where_requests_choose_among_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b.gguf").touch()
    given = (
        "--adapter",
        "notes=n.gguf:0.5",
        "--adapter",
        "all.gguf",
        "--adapter",
        "a=b.gguf",
        "--adapter",
        "./c=d.gguf",
    )
    unnamed = [("all.gguf", 1.0), ("a=b.gguf", 1.0), ("./c=d.gguf", 1.0)]
    made = parsed(*given, command_name="serve")
    assert made.adapters == {"": unnamed, "notes": [*unnamed, ("n.gguf", 0.5)]}
    with pytest.raises(click.UsageError, match=r"names of adapters are for chat, plan, serve: say --adapter n\.gguf"):
        parsed(*given, command_name="call")


@pytest.mark.parametrize("name", FLAGS)
def test_an_option_is_read_under_the_name_of_its_field(name):
    assert list(options_of(load_option(name))) == [name]
