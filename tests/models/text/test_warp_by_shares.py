"""WarpLDA by several workers: deaths and losses change no topic, and mistakes are one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.fast.text.warp import Warp
from dgmbench.models.text import LDA
from dgmbench.models.text.warp_by_shares import WarpByShares
from dgmbench.run.workers import Died, InProcess, LostError, Maker
from tests.planted import corpus_of, draw_corpus, planted_topics

CORPUS = draw_corpus(planted_topics(5, 100), documents=80, length=25)
ALPHAS = [np.full(6, 0.1 + 0.02 * number) for number in range(8)]


class Mortal(InProcess):
    """Workers that die, before or after their work, and results that are lost, by a seed.

    Args:
        deaths, losses: how many of the calls of a worker end so, of every hundred; ``most`` in all.
        only: the method that it happens in; empty for any.
    """

    def __init__(
        self, makers: Sequence[Maker], *, seed: int, deaths: int = 0, losses: int = 0, only: str = "", most: int = 10**6
    ) -> None:
        super().__init__(makers)
        self.random, self.deaths, self.losses, self.only = np.random.default_rng(seed), deaths, losses, only
        self.died = self.lost = 0
        self.most, self.closed = most, False

    def call(
        self, method: str, arguments: Mapping[int, Sequence[Any]], results: int = 1
    ) -> dict[int, list[Any] | Died]:
        found: dict[int, list[Any] | Died] = {}
        for worker, given in arguments.items():
            chance = int(self.random.integers(100)) if self.only in ("", method) else 100
            if self._workers[worker] is None:
                found[worker] = Died("killed before")
                continue
            if chance < self.losses and self.lost < self.most:
                self.lost += 1
                raise LostError("a machine is gone")
            if chance < self.losses + self.deaths and self.died < self.most:
                if chance % 2:
                    super().call(method, {worker: given}, results)
                self.died += 1
                self._workers[worker] = None  # nobody can go on with it
                found[worker] = Died("killed")
            else:
                found |= super().call(method, {worker: given}, results)
                assert len(found[worker]) == results  # type: ignore[arg-type]
        return found

    def values(self, handles: Iterable[Any]) -> list[Any]:
        return list(handles)

    def close(self) -> None:
        self.closed = True
        super().close()


def tokens_of_one_process() -> np.ndarray:
    one = Warp(CORPUS, 6, beta=0.05, seed=2)
    for alpha in ALPHAS:
        one.sweep(alpha)
    return one.state()["tokens"]


def run(**options: Any) -> tuple[WarpByShares, Mortal]:
    made: list[Mortal] = []

    def start(makers: Sequence[Maker]) -> Mortal:
        made.append(Mortal(makers, **options))
        return made[0]

    sampler = WarpByShares(CORPUS, 6, beta=0.05, seed=2, workers=4, start=start)
    for alpha in ALPHAS[sampler.sweeps :]:
        sampler.sweep(alpha)
    return sampler, made[0]


@pytest.mark.parametrize("seed", range(10))
def test_a_worker_that_dies_is_replaced_and_its_part_done_again(seed: int) -> None:
    sampler, workers = run(seed=seed, deaths=5)
    np.testing.assert_array_equal(sampler.state()["tokens"], tokens_of_one_process())
    assert workers.died


@pytest.mark.parametrize("method", ["words_for", "join", "begin", "visit", "gather"])
def test_it_does_not_matter_in_which_step_one_dies(method: str) -> None:
    sampler, workers = run(seed=0, deaths=50, only=method, most=3)
    np.testing.assert_array_equal(sampler.state()["tokens"], tokens_of_one_process())
    assert workers.died == 3


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kept", [False, True])
def test_results_that_are_lost_are_made_again_from_the_last_state(seed: int, kept: bool) -> None:
    sampler, workers = run(seed=seed, losses=0)
    sampler.restore(Warp(CORPUS, 6, beta=0.05, seed=2).state())
    workers.losses, workers.deaths, workers.most = 2, 3, 3
    for number, alpha in enumerate(ALPHAS):
        sampler.sweep(alpha)
        if kept and number == 4:
            sampler.state()
    np.testing.assert_array_equal(sampler.state()["tokens"], tokens_of_one_process())
    assert workers.lost


def test_lost_before_any_state_was_kept() -> None:
    sampler, workers = run(seed=3, losses=2, only="visit", most=2)
    assert workers.lost == 2
    np.testing.assert_array_equal(sampler.state()["tokens"], tokens_of_one_process())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deaths": 100, "only": "visit"}, "died 6 times in sweep 1 (killed)"),
        ({"deaths": 100, "only": "join"}, "died 6 times in sweep 1 (killed)"),
        ({"losses": 100, "only": "visit"}, "lost 4 times in a row"),
    ],
)
def test_who_dies_again_and_again_is_given_up_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as raised:
        run(seed=0, **options)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_workers_end_when_the_first_steps_fail() -> None:
    made: list[Mortal] = []

    def start(makers: Sequence[Maker]) -> Mortal:
        made.append(Mortal(makers, seed=0, deaths=100))
        return made[0]

    with pytest.raises(UserError):
        WarpByShares(CORPUS, 6, beta=0.05, start=start)
    assert made[0].closed


@pytest.mark.parametrize(
    ("documents", "options", "message"),
    [
        (3, {"workers": 4}, "4 workers, but only 3 documents; ask for fewer"),
        (1, {"workers": 2}, "2 workers, but only 1 document;"),
        (30, {"workers": 17}, "17 workers, but documents and words are visited in 16 parts; ask for fewer workers or"),
        (30, {"workers": 0}, "workers is 0; it must be at least 1"),
        (30, {"parts": 0}, "parts is 0; it must be at least 1"),
        (30, {"workers": 3, "parts": 2}, "3 workers, but documents and words are visited in 2 parts"),
    ],
)
def test_impossible_numbers_of_workers(documents: int, options: dict[str, int], message: str) -> None:
    corpus = corpus_of([[0, 1]] * documents, 2)
    with pytest.raises(UserError) as raised:
        LDA(2, engine="ray", n_sweeps=1, **options).fit(corpus)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_address_is_for_ray_alone() -> None:
    with pytest.raises(UserError, match="engine warp needs none; take engine ray"):
        LDA(2, engine="warp", address="127.0.0.1:6379")


def test_parts_are_of_warp_too() -> None:
    topics = [LDA(6, engine="warp", n_sweeps=3, parts=parts).fit(CORPUS).topics_ for parts in (16, 16, 5)]
    np.testing.assert_array_equal(topics[0], topics[1])
    assert (topics[0] != topics[2]).any()
