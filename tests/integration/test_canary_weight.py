"""`python -m newsrec_hooks.canary_weight` at nodes that behave like Kong 3.9 without a database."""

import copy
import json

import pytest

from newsrec_hooks import canary_weight
from support.fake_kong import CANARY, STABLE, UPSTREAM, FakeKong, configuration, fake_kong
from support.net import free_port


def _set_weight(
    monkeypatch: pytest.MonkeyPatch, address: str, *arguments: str
) -> list[dict[str, int]]:
    for name, value in {
        "HOOKS_TOKEN": "token-of-the-tests",
        "AIRFLOW_PASSWORD": "x",
        "KONG_ADMIN_URL": address,
        "KONG_UPSTREAM": UPSTREAM,
        "KONG_CANARY": CANARY,
    }.items():
        monkeypatch.setenv(name, value)
    told: list[dict[str, int]] = json.loads(canary_weight.main(list(arguments)))
    return told


def test_a_canary_begins_grows_takes_all_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    node = FakeKong(configuration(100, 0))
    before = copy.deepcopy(node.config)
    with fake_kong(node) as address:
        assert _set_weight(monkeypatch, address) == [{STABLE: 100, CANARY: 0}]
        for weight in (10, 50, 100, 0):
            assert _set_weight(monkeypatch, address, str(weight)) == [
                {STABLE: 100 - weight, CANARY: weight}
            ]
        posts = node.posts
        assert _set_weight(monkeypatch, address, "0") == [{STABLE: 100, CANARY: 0}]
    assert (posts, node.posts) == (4, 4)
    assert node.config == before


@pytest.mark.parametrize("weight", ["-1", "101", "ten", "1.5", "", "²"])
def test_a_wrong_weight_changes_nothing(monkeypatch: pytest.MonkeyPatch, weight: str) -> None:
    node = FakeKong()
    with fake_kong(node) as address, pytest.raises(SystemExit, match="from 0 to 100"):
        _set_weight(monkeypatch, address, weight)
    assert node.posts == 0


def test_what_kong_says_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="newsrec-hooks: Kong does not answer"):
        _set_weight(monkeypatch, f"http://127.0.0.1:{free_port()}", "10")
    with (
        fake_kong(FakeKong(refuses=400)) as address,
        pytest.raises(SystemExit, match="answers 400"),
    ):
        _set_weight(monkeypatch, address, "20")
    with pytest.raises(SystemExit, match="KONG_ADMIN_URL is not set"):
        _set_weight(monkeypatch, "", "10")
