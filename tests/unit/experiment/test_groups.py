"""Readers stay in their group, and both groups are alike."""

from newsrec_pipelines.experiment.groups import GROUPS, OURS, group_of, groups_of

READERS = [f"reader-{n:06d}" for n in range(20_000)]


def test_a_reader_has_one_group_whoever_else_is_asked_for() -> None:
    together = groups_of(READERS, 7)
    assert together["user_id"].to_list() == READERS
    alone = [group_of(reader, 7) for reader in READERS[:50]]
    assert together["group"].to_list()[:50] == alone


def test_half_of_the_readers_are_held_out() -> None:
    shares = groups_of(READERS, 7)["group"].value_counts(normalize=True)
    assert set(shares["group"]) == set(GROUPS)
    assert shares["proportion"].is_between(0.49, 0.51).all()


def test_another_seed_draws_other_groups() -> None:
    one, other = (groups_of(READERS, seed)["group"] == OURS for seed in (7, 8))
    assert 0.48 < (one == other).mean() < 0.52
