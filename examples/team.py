"""Three agents with notes of their own: whom to call, and what to send, by one coordinator.

    python examples/team.py --episodes 4

Plays conversations of the team arena with the local models that are installed (SmolLM2-135M, and Gemma-3-270m where
`dvc repro team` has converted it): at every request `Coordinator.choose` says which agents to call and why,
`Coordinator.compose` what each is sent in place of the history, and the surest answer is taken. Beside it stands what
most systems do: everybody is called, with everything. Prints calls, prompt tokens and how many answers were right.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from lrrc.episodes.arena.curate import MODELS
from lrrc.episodes.team.episode import Agent, TeamEpisode, read_team
from lrrc.evaluation.team.answering import TeamAgents
from lrrc.middleware import Coordinator
from lrrc.pretrained import tokens
from lrrc.pretrained.gemma import Transcript
from lrrc.pretrained.language_model import LanguageModel

Messages = list[dict[str, str]]


def play(episode: TeamEpisode, models: TeamAgents, coordinator: Coordinator | None, gate: Path | None) -> Counter[str]:
    """One conversation; without a coordinator all agents get all messages."""
    bill: Counter[str] = Counter()
    history: Messages = []
    asked = {request.turn: request for request in episode.requests}
    for number, turn in enumerate(episode.turns):
        history.append({"role": "user", "content": turn.message})
        if number in asked:
            request, answers = asked[number], []
            for agent in episode.agents if coordinator is None else called(coordinator, history, episode.agents, gate):
                payload = history
                if coordinator is not None:
                    payload, _ = coordinator.compose(history, agent.name, conversation=episode.episode_id)
                chat = (("system", agent.system), *(seen_by(agent, message) for message in payload))
                opinion = models.opinion(agent.model, chat, request.question, request.options)
                answers.append((opinion.confidence, opinion.choice, agent.name))
                bill.update(calls=1, prompt=tokens.payload_tokens(content for _, content in chat))
            bill.update(requests=1, right=max(answers)[1] == request.answer)
            history += [
                {"role": "assistant", "name": name, "content": request.options[choice]} for _, choice, name in answers
            ]
        else:
            history += [{"role": "assistant", "name": reply.name, "content": reply.content} for reply in turn.replies]
    return bill


def called(coordinator: Coordinator, history: Messages, agents: Sequence[Agent], gate: Path | None) -> list[Agent]:
    """The agents to call; says who, and why."""
    print(f"\n{history[-1]['content']}")
    choices = coordinator.choose(history, [agent.name for agent in agents], gate)
    for choice in choices:
        print(f"  {'->' if choice.called else '  '} {choice.agent:10}{choice.probability:5.0%}  {choice.reason}")
    return [agent for agent, choice in zip(agents, choices, strict=True) if choice.called]


def seen_by(agent: Agent, message: Mapping[str, str]) -> tuple[str, str]:
    """A message as one agent sees it: its own are the assistant's, others' carry a name."""
    if message["role"] != "assistant":
        return message["role"], message["content"]
    if message["name"] == agent.name:
        return "assistant", message["content"]
    return "user", f"{message['name']}: {message['content']}"


def installed(lm: Path, cache: Path) -> dict[str, LanguageModel]:
    """The local models by name; where the second one is not there, the first takes its part."""
    first = LanguageModel(lm)
    second = Transcript(cache / MODELS[1]) if (cache / MODELS[1] / "config.json").is_file() else first
    return dict(zip(MODELS, (first, second), strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--arena", type=Path, default=Path("data/embedded/team.parquet"))
    parser.add_argument("--lm", type=Path, default=Path("data/lm"), help="the first model (default: data/lm)")
    parser.add_argument("--cache", type=Path, default=Path(".cache/team"), help="where the second one is")
    parser.add_argument("--gate", type=Path, help="folder of the call gate (default: the packaged one)")
    parser.add_argument("--policy", default="lrrc")
    args = parser.parse_args()
    try:
        episodes = [episode for episode in read_team(args.arena) if len(episode.agents) == 3][: args.episodes]
        loaded = installed(args.lm, args.cache)
        models = TeamAgents(lambda: loaded)
        coordinator = Coordinator(args.policy)
        bills = {
            "everybody, everything": sum((play(e, models, None, None) for e in episodes), Counter()),
            "chosen, shortened": sum((play(e, models, coordinator, args.gate) for e in episodes), Counter()),
        }
    except (ValueError, OSError) as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    print(f"\n{'':24}{'calls':>8}{'prompt':>9}{'right':>12}")
    for name, bill in bills.items():
        print(f"{name:24}{bill['calls']:8,}{bill['prompt']:9,}{bill['right']:6} of {bill['requests']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
