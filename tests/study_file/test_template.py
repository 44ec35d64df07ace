"""The file that `seektune init` writes: it loads, and every option in it is real."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from seektune.study_file import StudyFile, json_schema, load_study, template
from seektune.study_file.commented import EXAMPLE
from seektune.train.options import TrialParams
from tests.study_file.conftest import NOW


def test_it_loads(folder: Path) -> None:
    (folder / "study.yaml").write_text(template())
    study = load_study("study.yaml", NOW)
    assert study.study == "fraud-desk"
    assert study.method == "lora"


def test_other_yaml_readers_see_the_same(folder: Path) -> None:
    (folder / "study.yaml").write_text(template())
    theirs = StudyFile.model_validate(yaml.safe_load(template()))
    assert theirs == load_study("study.yaml", NOW)


def test_every_option_of_every_block_is_in_it() -> None:
    text = template()
    for name, field in StudyFile.model_fields.items():
        assert re.search(rf"^(# )?{name}:", text, re.M)
        block = getattr(field.annotation, "model_fields", {})
        assert all(re.search(rf"^[ #]+{option}:", text, re.M) for option in block), name
    assert all(f"# {name} (" in text for name in TrialParams.model_fields)
    assert set(EXAMPLE) <= set(StudyFile.model_fields)


def commented() -> list[str]:
    """Options that stand at their defaults, one line each."""
    lines = template().split("\n")
    return [line for line in lines if re.match(r"^ *# \w+: (null|true|false|-?[\d.e+-]+|\w+|\{.*\}|\[.*\])$", line)]


@pytest.mark.parametrize("line", commented())
def test_a_default_can_be_uncommented(folder: Path, line: str) -> None:
    (folder / "study.yaml").write_text(template().replace(line, line.replace("# ", "", 1), 1))
    load_study("study.yaml", NOW)


def test_there_are_defaults_to_uncomment() -> None:
    assert len(commented()) > 30


def test_lines_are_short_and_no_help_points_into_the_code() -> None:
    assert max(len(line) for line in template().split("\n")) <= 120
    assert "options.py" not in template()


def test_the_schema_that_editors_use_agrees() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    assert not list(validator.iter_errors(yaml.safe_load(template())))
    misspelt = yaml.safe_load(template().replace("eval_every: 20k", "evl_every: 20k"))
    assert [error.absolute_path[0] for error in validator.iter_errors(misspelt)] == ["train"]
