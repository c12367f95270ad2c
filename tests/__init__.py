"""The course's tests, in folders that mirror the rooms; what several share is in tests/support."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
