"""When a session of integration tests shows everything that the operator asks for, and when not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.course import HERE, LAST, Course

ALL = sorted(HERE.glob("test_*.py"))


def items(*paths: Path) -> list[Any]:
    """One collected test a file."""
    return [SimpleNamespace(path=path) for path in paths]


def report(nodeid: str, passed: bool) -> Any:
    """The outcome of a test."""
    return SimpleNamespace(nodeid=nodeid, passed=passed)


def test_the_tests_that_look_back_come_after_the_others_of_their_directory() -> None:
    before, after = HERE.parent / "chart" / "test_a.py", HERE.parent / "unit" / "test_z.py"
    collected = items(before, LAST, HERE / "test_walk.py", LAST, HERE / "test_watched_namespaces.py", after)
    Course().collect(collected)
    assert [item.path.name for item in collected] == [
        "test_a.py",
        "test_walk.py",
        "test_watched_namespaces.py",
        "test_rights.py",
        "test_rights.py",
        "test_z.py",
    ]


@pytest.fixture
def whole() -> Course:
    """A session of all files."""
    course = Course()
    course.collect(items(*ALL))
    return course


def test_all_of_them_leave_no_gap(whole: Course) -> None:
    whole.note(report("tests/integration/test_walk.py::test_it", passed=True))
    whole.note(report("tests/integration/test_rights.py::test_it", passed=False))
    whole.deselect(items(HERE.parent / "unit" / "test_z.py"))
    assert whole.gap() is None


def test_a_file_that_was_not_run_leaves_a_gap() -> None:
    course = Course()
    course.collect(items(*ALL[1:]))
    assert "1 files were not run" in str(course.gap())


def test_a_test_that_was_deselected_leaves_a_gap(whole: Course) -> None:
    whole.deselect(items(ALL[0]))
    assert "1 were deselected" in str(whole.gap())


def test_a_test_that_did_not_pass_leaves_a_gap(whole: Course) -> None:
    whole.note(report("tests/integration/test_walk.py::test_it", passed=False))
    assert "test_walk.py::test_it" in str(whole.gap())
