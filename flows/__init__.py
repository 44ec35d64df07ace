"""Who runs after whom. Prefect. No arithmetic, no classes."""

import tasks  # noqa: F401  sets Prefect's defaults before Prefect is imported
