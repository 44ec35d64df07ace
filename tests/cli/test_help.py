"""Every command explains itself, at once."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from seektune.cli.arguments import COMMANDS, make_parser

HEAVY = {"torch", "prefect", "pandas", "numpy", "optuna", "rich", "pydantic", "yaml", "transformers", "asyncio"}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_examples_that_parse(name, capsys):
    with pytest.raises(SystemExit) as left:
        make_parser().parse_args([name, "--help"])
    text = capsys.readouterr().out
    assert left.value.code == 0
    assert f"usage: seektune {name}" in text
    assert COMMANDS[name].examples
    for example in COMMANDS[name].examples:
        assert example in text
        words = example.split(" > ")[0].split()
        assert words[0] == "seektune"
        assert make_parser().parse_args(words[1:]).command == name


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_code(name):
    module, attribute = COMMANDS[name].target.split(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_help_imports_nothing_heavy(desk):
    code = (
        "import sys\nfrom seektune.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=desk.environment, capture_output=True, text=True, check=True)
    assert "exit codes:" in done.stdout
    assert HEAVY.isdisjoint(done.stdout.splitlines()[-1].split())


def test_no_command_shows_help_and_is_an_error(desk):
    done = desk.process()
    assert done.returncode == 2
    assert "commands:" in done.stdout


def test_unknown_command_is_an_error_in_words(desk):
    done = desk("tuen")
    assert done.returncode == 2
    assert "tuen" in done.stderr
    assert "Traceback" not in done.stderr


def test_switches_stand_before_or_after_the_command(desk):
    before, after = desk("--json", "plan", "none.yaml"), desk("plan", "none.yaml", "--json")
    assert before.returncode == after.returncode == 2
    assert before.stdout == after.stdout
    assert before.stdout.startswith('{"event": "error"')
