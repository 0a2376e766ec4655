"""The team arena: what its scripts promise of notes, requests and of who can be known to hold what."""

import itertools
from collections import Counter

import numpy as np
import pytest
from helpers.paths import ROOT

from lrrc.episodes.episode import Message
from lrrc.episodes.team.assemble import make_arena
from lrrc.episodes.team.episode import KINDS, USER, read_team
from lrrc.episodes.team.scripts import make_script
from lrrc.episodes.team.talk import ordinary
from lrrc.params import load_params

SETTINGS = load_params(ROOT / "params.yaml").team_arena
COMMITTED = ROOT / "data/embedded/team.parquet"


@pytest.fixture(scope="module")
def episodes():
    return read_team(COMMITTED)


def requests(episodes, *kinds):
    return [(episode, each) for episode in episodes for each in episode.requests if not kinds or each.kind in kinds]


def test_the_committed_arena_is_what_its_parameters_make(tmp_path):
    made = make_arena(ROOT / "data/embedded/arena.parquet", tmp_path / "team.parquet", SETTINGS.episodes, SETTINGS.seed)
    assert (tmp_path / "team.parquet").read_bytes() == COMMITTED.read_bytes()
    assert made == read_team(COMMITTED)


def test_sizes(episodes):
    assert len(episodes) >= 450
    assert {len(episode.agents) for episode in episodes} == {3, 4, 5}
    assert {len(episode.turns) for episode in episodes} == {6, 7, 8, 9, 10}
    assert len({agent.model for episode in episodes for agent in episode.agents}) == 2
    counts = Counter(each.kind for _, each in requests(episodes))
    assert set(counts) == set(KINDS) and min(counts.values()) >= 0.1 * sum(counts.values())


def test_the_holder_has_spoken_before_most_private_requests(episodes):
    """And does so in words that stand in the conversation, before the request."""
    private = requests(episodes, "private")
    assert np.mean([each.spoken for _, each in private]) >= 0.6
    for episode, each in private:
        if each.spoken:
            before = episode.turns[: each.turn]
            assert any(reply.name in each.holders for turn in before for reply in turn.replies)


def test_every_source_stands_where_it_is_said_to(episodes):
    for episode, each in requests(episodes):
        notes = {agent.name: agent.notes for agent in episode.agents}
        for source in each.sources:
            if source.turn < 0:
                assert source.text in notes[source.speaker]
                assert not any(source.text in held for name, held in notes.items() if name != source.speaker)
            elif source.speaker == USER:
                assert source.text in episode.turns[source.turn].message
            else:
                replies = episode.turns[source.turn].replies
                assert any(reply.name == source.speaker and source.text in reply.content for reply in replies)
            assert source.turn < each.turn or each.kind == "talk"


def test_what_a_kind_needs(episodes):
    """Notes for private and joint ones; of the latter, one fact was said. What is overruled is in another's notes."""
    for _, each in requests(episodes):
        from_notes = [source.turn < 0 for source in each.sources]
        wanted = {"private": [True], "said": [False], "joint": [False, True], "changed": [False], "talk": [False]}
        assert sorted(from_notes) == wanted[each.kind]
        assert bool(each.holders) == (each.kind in ("private", "joint"))
        assert bool(each.overruled) == (each.kind == "changed")


def test_options_differ_and_a_private_answer_was_never_said(episodes):
    for episode, each in requests(episodes):
        assert len(set(each.options)) == len(each.options) >= 4
        if each.kind == "private":
            said = " ".join(m for turn in episode.turns[: each.turn] for m in (turn.message, *texts(turn.replies)))
            assert each.options[each.answer] not in said


def texts(replies: tuple[Message, ...]) -> list[str]:
    return [reply.content for reply in replies]


def test_nobody_answers_when_something_is_asked(episodes):
    for episode in episodes:
        asked = {each.turn for each in episode.requests}
        assert asked == {t for t, turn in enumerate(episode.turns) if not turn.replies}


def test_the_question_alone_does_not_tell_who_has_the_notes(episodes):
    """A classifier of its words, cross-fitted by episode, is at chance for the holder's place; no agent is named."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    asked = requests(episodes, "private", "joint")
    for episode, each in asked:
        assert not any(name in each.question for name in episode.names)
    words = CountVectorizer(ngram_range=(1, 2)).fit_transform([each.question for _, each in asked])
    place = np.array([episode.names.index(each.holders[0]) for episode, each in asked])
    groups = [episode.episode_id for episode, _ in asked]
    folds = GroupKFold(5).split(words, place, groups)
    found = cross_val_predict(LogisticRegression(max_iter=500), words, place, cv=list(folds))
    chance = max(np.mean([1 / len(episode.agents) for episode, _ in asked]), np.bincount(place).max() / len(place))
    error = np.sqrt(chance * (1 - chance) / len(asked))
    assert abs((found == place).mean() - chance) < 3 * error


def test_scripts_are_pure_and_differ():
    some = [make_script(7, index) for index in range(5)]
    assert some == [make_script(7, index) for index in range(5)]
    assert all(a != b for a, b in itertools.combinations(some, 2))


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("I would plant beans. Then I would wait.", "I would plant beans."),
        ("Mira is staying at the Larch.", ""),  # somebody
        ("It opens with 4711.", ""),
        ("Well.", ""),
        ("and then nothing came of it", ""),  # no sentence
    ],
)
def test_ordinary_talk_has_no_facts(reply, kept):
    assert ordinary(reply) == kept
