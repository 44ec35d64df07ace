"""Modules beside the tests (the stage they run, trainers that fail) can be imported, also by child processes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
