"""Which errors of a stage are worth another try."""

from __future__ import annotations

import pytest
from prefect.states import Failed

from seektune.errors import StudyBusy, StudyFileError
from tasks.holding import worth_retrying
from tasks.prepare import prepare


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError(28, "No space left on device"), True),
        (ConnectionResetError("the hub hung up"), True),
        (FileNotFoundError("rows.jsonl"), False),
        (TimeoutError("over the time limit"), False),
        (StudyBusy("held since Monday"), False),
        (StudyFileError([]), False),
        (ValueError("our own mistake"), False),
    ],
)
def test_what_is_worth_another_try(error: Exception, again: bool) -> None:

    assert worth_retrying(prepare, None, Failed(data=error)) is again  # type: ignore[arg-type]
