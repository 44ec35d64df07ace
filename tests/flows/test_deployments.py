"""prefect.yaml and server.env say what they mean: Prefect ignores misspelt keys and settings without a word."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.cli.deploy._models import (
    ConcurrencyLimitSpec,
    DeploymentConfig,
    PrefectYamlModel,
    RawScheduleConfig,
    WorkPoolConfig,
)
from prefect.flows import Flow
from prefect.settings.legacy import _get_settings_fields
from prefect.settings.models.root import Settings
from pydantic import BaseModel

import flows.stages
from flows.chain import STAGES
from tasks.settings import DEFAULTS

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text("utf-8"))
DEPLOYMENTS: list[dict[str, Any]] = CONFIG["deployments"]
BY_NAME = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])


def unknown_keys(given: dict[str, Any], model: type[BaseModel]) -> set[str]:
    names = {key for name, field in model.model_fields.items() for key in (name, field.alias) if key}
    return set(given) - names


def all_unknown_keys(config: dict[str, Any]) -> set[str]:
    """Every key that Prefect would ignore, with its place. `definitions` is where YAML anchors live."""
    found = unknown_keys({key: value for key, value in config.items() if key != "definitions"}, PrefectYamlModel)
    for deployment in config["deployments"]:
        name = deployment["name"]
        parts: list[tuple[dict[str, Any], type[BaseModel]]] = [(deployment, DeploymentConfig)]
        parts += [(deployment.get("work_pool", {}), WorkPoolConfig)]
        if isinstance(deployment.get("concurrency_limit"), dict):
            parts += [(deployment["concurrency_limit"], ConcurrencyLimitSpec)]
        parts += [(schedule, RawScheduleConfig) for schedule in deployment.get("schedules", [])]
        found |= {f"{name}.{key}" for given, model in parts for key in unknown_keys(given, model)}
    return found


def load(deployment: dict[str, Any]) -> Flow[..., Any]:
    module, _, attribute = deployment["entrypoint"].rpartition(".")
    loaded = getattr(importlib.import_module(module), attribute)
    assert isinstance(loaded, Flow)
    return loaded


def test_no_key_is_ignored() -> None:
    assert all_unknown_keys(CONFIG) == set()


def test_misspelt_keys_are_caught() -> None:
    typos = {
        "nam": "x",
        "deployments": [
            {
                "name": "a",
                "concurency_limit": 1,
                "work_pool": {"names": "x"},
                "concurrency_limit": {"limits": 1},
                "schedules": [{"cron": "* * * * *", "timezon": "UTC"}],
            }
        ],
    }
    assert all_unknown_keys(typos) == {"nam", "a.concurency_limit", "a.names", "a.limits", "a.timezon"}


def test_prefect_accepts_the_file() -> None:
    parsed = PrefectYamlModel.model_validate({key: value for key, value in CONFIG.items() if key != "definitions"})
    assert [deployment.name for deployment in parsed.deployments] == [deployment["name"] for deployment in DEPLOYMENTS]
    for deployment in DEPLOYMENTS:
        strategy = deployment["concurrency_limit"]["collision_strategy"]
        assert strategy in ("ENQUEUE", "CANCEL_NEW")


@BY_NAME
def test_entrypoint_loads_and_parameters_validate(deployment: dict[str, Any]) -> None:
    given = deployment["parameters"]
    validated = load(deployment).validate_parameters(given)
    assert {name: validated[name] for name in given} == given


@BY_NAME
def test_wrong_parameters_are_refused(deployment: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="stuudy_file"):
        load(deployment).validate_parameters({"stuudy_file": "x.yaml"})


def test_every_stage_is_a_flow_and_a_deployment() -> None:
    deployed = {load(deployment).name for deployment in DEPLOYMENTS}
    by_hand = {stage.replace("_", "-") for stage in STAGES}
    assert deployed == by_hand | {"tune"}
    for stage in STAGES:
        assert getattr(flows.stages, stage).name == stage.replace("_", "-")


def test_no_schedule_runs_before_it_is_wanted() -> None:
    schedules = [schedule for deployment in DEPLOYMENTS for schedule in deployment.get("schedules", [])]
    assert schedules
    assert all(schedule["active"] is False for schedule in schedules)


def test_flows_store_nothing_in_prefect() -> None:
    from prefect.cache_policies import NO_CACHE

    for name, held in STAGES.items():
        assert held.persist_result is False, name
        assert held.cache_policy == NO_CACHE, name
    for deployment in DEPLOYMENTS:
        assert load(deployment).persist_result is False


def server_env() -> dict[str, str]:
    lines = (ROOT / "deployments/server.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_setting_exists_in_this_version_of_prefect() -> None:
    known = {*_get_settings_fields(Settings), "DO_NOT_TRACK"}
    assert set(server_env()) <= known
    assert set(DEFAULTS) <= known


def test_standing_and_embedded_server_agree() -> None:
    env = server_env()
    both = set(env) & set(DEFAULTS)
    assert {name: env[name] for name in both} == {name: DEFAULTS[name] for name in both}
    assert env["PREFECT_SERVER_API_PORT"] in env["PREFECT_API_URL"]
