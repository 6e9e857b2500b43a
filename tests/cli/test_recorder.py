"""The audit log of a replica that may lead several shards."""

from pathlib import Path

from rollout.cli.recorder import file


def test_each_shard_has_a_file_that_is_not_taken_for_a_rotated_one_of_another() -> None:
    names = [file(Path("/var/log/rollout/audit.jsonl"), place).name for place in (0, 1, 10)]
    assert names == ["audit.jsonl", "shard-1.audit.jsonl", "shard-10.audit.jsonl"]
    stems = [Path(name).stem for name in names]
    assert [[n for n in names if n.startswith(stem)] for stem in stems] == [[n] for n in names]
