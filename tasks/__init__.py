"""How Prefect holds one stage: retries, time-outs, artifacts, progress. One file per stage; the work is seektune's."""

from tasks.settings import set_defaults

set_defaults()  # before anything imports Prefect
