"""The journal of operations, and what a start makes of unfinished directories."""

from __future__ import annotations

from pathlib import Path

from devstack.qdrant.storage import Directory, Journal, stored


def test_what_is_not_done_is_pending_in_its_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for number in range(1, 5):
        journal.append(number, {"kind": str(number)})
    journal.done(2)
    assert Journal(tmp_path / "journal").pending() == [{"kind": "1"}, {"kind": "3"}, {"kind": "4"}]


def test_nothing_is_pending_when_all_is_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert journal.pending() == []
    journal.append(1, {})
    journal.done(1)
    assert journal.pending() == []
    assert (tmp_path / "journal").stat().st_size == 0


def test_a_line_that_was_cut_off_was_never_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(1, {"kind": "kept"})
    journal.append(2, {"kind": "cut"})
    path.write_text(path.read_text()[:-5])
    after = Journal(path)
    assert after.pending() == [{"kind": "kept"}]
    (number,) = after.reset(after.pending())
    after.append(1, {"kind": "new"})
    assert after.pending() == [{"kind": "kept"}, {"kind": "new"}]
    after.done(number)
    assert after.pending() == [{"kind": "new"}]


def test_a_start_removes_what_is_no_collection(tmp_path: Path) -> None:
    whole, unfinished, deleted = (Directory.create(tmp_path) for _ in range(3))
    whole.save({"name": "whole"})
    deleted.save({"name": "deleted"})
    deleted.disown()
    assert [saved for _, saved in stored(tmp_path)] == [{"name": "whole"}]
    assert not unfinished.shard.parent.exists()
    assert not deleted.shard.parent.exists()
