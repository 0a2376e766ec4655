"""What docs/security.md promises: no pickle, nothing foreign run, no secret kept, no id a path, no text a script."""

import ast
import contextlib
import dataclasses
import io
import json
import os
import pickle
import shutil
import warnings
from functools import partial
from pathlib import Path

import httpx2
import openai
import pytest
import torch
from helpers.browser import BINARIES, chromium
from helpers.endpoints import Server, completion, question, serving
from helpers.paths import ROOT
from helpers.random_episodes import DIGEST, ENCODER, LIMIT, MODEL, TRAIN, WIDTH, checked, episode, model
from helpers.upstreams import Upstream, running

from lrrc.cli import main
from lrrc.dataset.array_file import flatten, open_arrays, write_arrays
from lrrc.dataset.batches import collate
from lrrc.dataset.episode_arrays import episode_arrays
from lrrc.dataset.inputs import StageInputs
from lrrc.episodes.episode import ROLES, Message
from lrrc.episodes.episode_file import read_episodes, write_episodes
from lrrc.evaluation.live.agents import EndpointAgent
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app
from lrrc.model.network import build_network
from lrrc.policies.spec import PolicySpec
from lrrc.pretrained import sentence_encoder
from lrrc.runtime.files import write_json
from lrrc.runtime.secrets import redact
from lrrc.runtime.urls import check_base_url
from lrrc.tracking import mlflow_runs
from lrrc.training.fit import FitData, fit_network
from lrrc.training.fit_spec import FitSpec
from lrrc.training.kept_features import KeptFile, write_kept_features
from lrrc.training.losses import coordinator_objective

SOURCES = sorted(
    p for folder in ("src", "pipeline", "tools", "bench", "examples") for p in (ROOT / folder).rglob("*.py")
)
UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
RUNNERS = {"eval", "exec", "compile", "__import__"}


def names(tree):
    """(dotted name, its call) of every call: torch.load(...) is "torch.load"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            with contextlib.suppress(Exception):
                yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_pickles_or_runs_text(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & UNPICKLERS
    for name, call in names(tree):
        given = {key.arg: key.value for key in call.keywords}
        assert name not in RUNNERS and name not in ("torch.load", "torch.save", "pd.read_pickle", "os.system"), name
        assert name != "yaml.load" and "unsafe" not in name, name
        assert "allow_pickle" not in given and "shell" not in given, name
        if name.endswith("from_pretrained"):
            assert not isinstance(given.get("trust_remote_code"), ast.Constant) or not given["trust_remote_code"].value


class Pickled(Exception):
    pass


@pytest.fixture
def no_pickle(monkeypatch):
    """Whatever unpickles in this process fails."""

    def refuse(*args, **options):
        raise Pickled

    for place in (
        "pickle.Unpickler",
        "pickle.load",
        "pickle.loads",
        "pickle.Pickler",
        "pickle.dump",
        "torch.load",
        "torch.save",
        "torch.serialization.pickle_module",
        "numpy.lib.format.read_array",
    ):
        with contextlib.suppress(AttributeError):
            monkeypatch.setattr(place, refuse)
    with pytest.raises(Pickled):
        pickle.loads(b"N.")


def test_a_fit_is_kept_and_taken_up_without_pickle(tmp_path, no_pickle, monkeypatch):
    warnings.filterwarnings("ignore", module="lightning")
    arrays = [episode_arrays(episode(seed), ENCODER, LIMIT) for seed in range(10)]
    pack = partial(collate, vocabulary=MODEL.vocabulary)
    for epochs in (1, 2):  # the second takes up weights, optimiser state and history of the first
        torch.manual_seed(0)
        net, config = build_network("lrrc", 4, WIDTH, model()), dataclasses.replace(TRAIN, max_epochs=epochs)
        history = fit_network(
            net, coordinator_objective, FitData(arrays[:6], arrays[6:], pack), config, 0, tmp_path / "fit"
        )
        assert len(history) == epochs
    kinds = {file.suffix for file in (tmp_path / "fit").rglob("*") if file.is_file()}
    assert kinds == {".json", ".safetensors"}


EVIL = (
    "../../escaped",
    "/tmp/lrrc-escaped",
    "..",
    ".",
    "a\x00b",
    "C:\\x",
    "__metadata__",
    "x" * 5000,
    "embeddings",
    "main",
    "\u202e\x1b[2J",
    "~root",
    "a/b/c.safetensors",
    "$(touch lrrc-escaped)",
    "-rf",
)


def tree(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_no_id_becomes_a_path(tmp_path, monkeypatch):
    jail = tmp_path / "a" / "b" / "jail"
    jail.mkdir(parents=True)
    monkeypatch.chdir(jail)
    several = [
        dataclasses.replace(checked(n), episode_id=name, group=name, models=(name, name), category=name, language=name)
        for n, name in enumerate(EVIL)
    ]
    write_episodes("episodes.parquet", several)
    assert read_episodes("episodes.parquet") == several
    made = [episode_arrays(e, ENCODER, LIMIT) for e in several]
    write_arrays(Path("arrays.safetensors"), [flatten(made)])
    assert list(open_arrays(Path("arrays.safetensors"))) == list(EVIL)
    monkeypatch.setattr(sentence_encoder, "load", lambda folder: ENCODER)
    item = FitSpec(PolicySpec("recency", 20, DIGEST, max_segment_tokens=LIMIT), 0, MODEL, TRAIN)
    inputs = StageInputs(Path("episodes.parquet"), Path("arrays.safetensors"), Path("encoder"), Path("splits.json"))
    write_kept_features(Path("kept.safetensors"), item, inputs)
    assert list(KeptFile(Path("kept.safetensors"))) == list(EVIL)
    coordinator = Coordinator("recency", 8)
    said = [{"role": r, "name": EVIL[0], "content": f"{r}s say this and that."} for r in ("user", "assistant", "user")]
    for name in EVIL:
        coordinator.compose(said, agent=name, conversation=name)
    coordinator.save("state")
    assert {c.name for c in Coordinator.load("state").sessions.all()} == set(EVIL)
    rows = "".join(json.dumps({"id": name, "messages": said}) + "\n" for name in EVIL)
    Path("in.jsonl").write_text(rows)
    with contextlib.redirect_stderr(io.StringIO()):
        assert main(["compress", "in.jsonl", "out.jsonl", "--policy", "recency"]) == 0
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["estimate", "episodes.parquet", "--price-in", "1", "--price-out", "1"]) == 0
    assert [json.loads(line)["id"] for line in Path("out.jsonl").read_text().splitlines()] == list(EVIL)
    files = {
        "episodes.parquet",
        "arrays.safetensors",
        "kept.safetensors",
        "in.jsonl",
        "out.jsonl",
        "state",
        "state/coordinator.json",
    }
    assert tree(tmp_path) == {"a", "a/b", "a/b/jail", *(f"a/b/jail/{name}" for name in files)}
    assert not Path("/tmp/lrrc-escaped").exists()


SECRETS = {"HF_TOKEN": "hf_plantedAAAA1111", "OPENAI_API_KEY": 'sk-"planted"/+BBBB2222', "MY_API_KEY": "keyCCCC3333"}
BEARER = "headerDDDD4444"
PASSWORD = "passwordEEEE5555"
FORMS = [*SECRETS.values(), json.dumps(SECRETS["OPENAI_API_KEY"])[1:-1], "BBBB2222", BEARER, PASSWORD]


@pytest.fixture
def planted(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def found(folder):
    """Files that hold a planted secret, in any form."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(form.encode() in path.read_bytes() for form in FORMS)]


def test_scrubbing_knows_every_form(planted):
    import urllib.parse

    for value in SECRETS.values():
        for form in (value, json.dumps({"key": value}), urllib.parse.quote(value, ""), repr(f"x {value} y")):
            assert not [secret for secret in FORMS if secret in redact(f"error: {form}!")]
    text = f"https://user:{PASSWORD}@host/v1 Authorization: Bearer {BEARER} 'basic {BEARER}=='"
    assert PASSWORD not in redact(text) and BEARER not in redact(text) and "host/v1" in redact(text)


def test_an_endpoint_that_echoes_the_key_leaves_no_trace_of_it(planted, tmp_path):
    echo = {"error": {"message": f"bad key {SECRETS['OPENAI_API_KEY']} in Bearer {BEARER}", "type": "auth"}}
    said = completion(f"1 {SECRETS['HF_TOKEN']} Bearer {BEARER}")
    with serving(Server(said, (401, echo))) as address:
        agent = EndpointAgent(address, "small", tmp_path / "log.jsonl", 0)
        agent.answer([question(("user", f"my key is {SECRETS['MY_API_KEY']}"))])
        with pytest.raises(ValueError) as error:
            agent.answer([question()])
        assert repr(agent.client) not in repr(agent)
        agent.client.close()
    assert "401" in str(error.value) and not [form for form in FORMS if form in str(error.value)]
    assert (tmp_path / "log.jsonl").stat().st_size and not found(tmp_path)


def test_mlflow_keeps_no_secret(planted, tracked, monkeypatch):
    monkeypatch.chdir(tracked)
    out = tracked / "results" / "planted"
    out.mkdir(parents=True)
    for name, value in SECRETS.items():
        (out / f"{name}.md").write_text(f"used {value}")
        write_json(out / f"{name}.json", {"used": value})
    (out / "clean.md").write_text("fine")
    address = f"https://user:{PASSWORD}@host/v1"
    params = {"live": {"base_url": address, "headers": f"Bearer {BEARER}"}, "data": {"revision": SECRETS["HF_TOKEN"]}}
    tags = {"note": json.dumps(SECRETS), SECRETS["MY_API_KEY"]: "a name"}
    assert mlflow_runs.log_stage("planted", stage="live", params=params, tags=tags, artifacts=[out])
    assert len(found(out)) == 6 and not found(tracked / "mlartifacts")
    database = (tracked / "mlflow.db").read_bytes()
    assert b"planted" in database and not [form for form in FORMS if form.encode() in database]


@pytest.mark.parametrize(
    "address",
    [
        f"https://user:{PASSWORD}@host/v1",
        f"https://host/v1?key={PASSWORD}",
        f"http://{PASSWORD}@host:x/",
        f"ftp://u:{PASSWORD}@h",
    ],
)
def test_an_address_with_a_key_never_reaches_parameters(address, tmp_path):
    """DVC copies parameters into dvc.lock, so such a one is refused before any stage runs."""
    import yaml

    from lrrc.params import parse_params

    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["live"] |= {"agent": "endpoint", "base_url": address, "model": "m"}
    with pytest.raises(ValueError, match="params: live.base_url: an address without user, password") as error:
        parse_params(values)
    assert PASSWORD not in str(error.value)
    assert check_base_url("https://host/v1/", "x", "y") == "https://host/v1"


def test_commands_stages_and_receipts_say_no_secret(planted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for value in (SECRETS["HF_TOKEN"], SECRETS["MY_API_KEY"]):
            assert main(["compress", value, "out.jsonl"]) == 1
            assert main(["estimate", value, "--price-in", "1", "--price-out", "1", "--policies", value]) == 1
            assert main(["serve", "--upstream", f"https://u:{PASSWORD}@{value}"]) == 1
            assert main(["certify", value]) == 1
            with contextlib.suppress(SystemExit):
                main(["fidelity", value, "--policies", value])
    assert not [form for form in FORMS if form in out.getvalue() + err.getvalue()]
    _, receipt = Coordinator("recency", 8).compose([{"role": "user", "content": SECRETS["MY_API_KEY"]}])
    assert not [form for form in FORMS if form in json.dumps(receipt.to_dict())]


def test_keys_pass_through_the_proxy_and_stay_nowhere(planted, tmp_path, caplog, capfd):
    upstream, key = Upstream(), SECRETS["OPENAI_API_KEY"]
    coordinator = Coordinator("bm25", 16, Settings(rewrite="always"))
    with (
        caplog.at_level("DEBUG", "lrrc"),
        running(upstream.app) as direct,
        running(create_app(coordinator, {None: f"{direct}/v1"}, state=tmp_path / "state")) as proxy,
        openai.OpenAI(base_url=f"{proxy}/v1", api_key=key, max_retries=0) as client,
    ):
        messages = [
            {"role": "user", "content": "Peas. Beans."},
            {"role": "assistant", "content": "Lentils."},
            {"role": "user", "content": "Which?"},
        ]
        client.chat.completions.create(model="words", messages=messages, extra_headers={"x-api-key": BEARER})
        assert upstream.headers["authorization"] == f"Bearer {key}" and upstream.headers["x-api-key"] == BEARER
        httpx2.post(f"{proxy}/v1/chat/completions", content=b"{", headers={"authorization": f"Bearer {BEARER}"})
        pages = [httpx2.get(f"{proxy}{path}").text for path in ("/", "/stats", "/stats?format=prometheus")]
    assert (tmp_path / "state" / "coordinator.json").is_file() and not found(tmp_path)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("lrrc")]
    assert not [form for form in FORMS if any(form in text for text in (*pages, *ours, *capfd.readouterr()))]


BAD_BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b"\xff\xfe",
    b"[" * 200_000,
    b'{"messages": ' * 50_000,
    b'{"messages": "x"}',
    b'{"messages": [7]}',
    b'{"messages": [{"role": "robot"}]}',
    b'{"messages": [{"role": "user", "content": {"a": 1}}]}',
    b'{"messages": [], "model": []}',
    b'{"messages": [{"role": "assistant", "name": ["x"], "content": "y"}]}',
    b'{"messages": [{"role": "user", "content": "x"}], "tools": 7, "seed": 1e999}',
)


async def strict(scope, receive, send):
    """An upstream that answers as providers do: 400 and a JSON error for all that is no chat completion."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    try:
        request = json.loads(body, parse_constant=lambda name: 1 / 0)
        fine = request["messages"] and all(isinstance(m["content"], str) for m in request["messages"])
        fine = fine and isinstance(request["model"], str) and {m["role"] for m in request["messages"]} <= set(ROLES)
    except Exception:
        fine = False
    wrong = {"error": {"message": "not a chat completion", "type": "invalid_request_error"}}
    status, answer = completion("yes") if fine else (400, wrong)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@pytest.fixture(scope="module")
def proxied():
    with running(strict) as direct, running(create_app(Coordinator("bm25", 16), {None: f"{direct}/v1"})) as proxy:
        yield proxy


def asked(proxy, body, client=httpx2):
    reply = client.post(f"{proxy}/v1/chat/completions", content=body, timeout=600)
    return reply.status_code, reply.json()


def test_bad_requests_get_a_json_error_and_the_proxy_lives_on(proxied):
    import random

    from helpers.broken_input import as_line, damaged, mutated

    rng = random.Random(9)
    fine = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Peas."},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "And?"},
        ],
    }
    bodies = [*BAD_BODIES, *(as_line(rng, mutated(rng, fine)).encode() for _ in range(150))]
    bodies += [damaged(rng, json.dumps(fine).encode()) for _ in range(50)]
    refused = 0
    with httpx2.Client() as client:
        for body in bodies:
            status, answer = asked(proxied, body, client)
            assert status in (200, 400), (status, answer, body[:300])
            if status == 400:
                refused += 1
                assert answer["error"]["type"] == "invalid_request_error" and answer["error"]["message"]
    assert refused > 100
    assert asked(proxied, json.dumps(fine).encode())[0] == 200
    counted = httpx2.get(f"{proxied}/stats").json()
    assert counted["requests"]["failed"] == 0, counted["last_failure"]


def test_ten_megabytes_go_through_the_proxy(proxied):
    text = "Lentils simmer for twenty minutes. " * 290_000
    messages = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "How long?"},
    ]
    assert asked(proxied, json.dumps({"model": "m", "messages": messages}).encode())[0] == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //x/../../y HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
        b"GET /v1/%00%0d%0aa HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/a HTTP/1.1\r\nHost: x\r\nX: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
    ids=range(9),
)
def test_what_is_hardly_http_does_not_stop_the_proxy(proxied, request_, caplog):
    import socket

    port = int(proxied.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request_)
        connection.settimeout(5)
        with contextlib.suppress(TimeoutError, ConnectionError):
            answer = connection.recv(65536)
            assert answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")) or not answer, answer[:300]
    assert httpx2.get(f"{proxied}/stats", timeout=30).status_code == 200
    assert not [record for record in caplog.records if record.exc_info]


ATTACK = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>"
    "\"'><a href=javascript:alert(4)>"
)
needs_browser = pytest.mark.skipif(
    not (os.environ.get("CHROMIUM") or any(map(shutil.which, BINARIES))),
    reason="needs a browser: apt-get install chromium, or set CHROMIUM to its path",
)


def attacked():
    """results/explore.json of an episode in which everything that is text is an attack."""
    from lrrc.evaluation.explorer import explorer_data
    from lrrc.policies.registry import load_policy

    made = episode(0, turns=3)
    turns = tuple(
        dataclasses.replace(
            turn,
            inputs=tuple(Message(m.role, f"{ATTACK} {m.content}") for m in turn.inputs),
            replies=tuple(dataclasses.replace(m, content=f"{m.content} {ATTACK}") for m in turn.replies),
        )
        for turn in made.turns
    )
    made = dataclasses.replace(
        made, episode_id=ATTACK, models=(ATTACK, f"b {ATTACK}"), category=ATTACK, language=ATTACK, turns=turns
    )
    return explorer_data(
        [made], {name: load_policy(PolicySpec(name, 64)) for name in ("recency", "full-context")}, 1, 0
    )


@pytest.fixture
def report(tmp_path):
    """report/index.html over attacks: history, ids, models, groups of data."""
    import copy

    from helpers import made_up_results as synthetic
    from PIL import Image

    from lrrc.params import load_params
    from lrrc.policies.run_items import fitted_runs
    from lrrc.report.figures.figure_list import FIGURES
    from lrrc.report.page import ReportInputs, build_report
    from lrrc.runtime.files import canonical_json

    synthetic.write_stage_outputs(tmp_path, 2)
    summary = copy.deepcopy(synthetic.summary().content())
    for record in summary["records"]:
        if record["evaluation"].startswith("by-") or record["evaluation"].endswith("by-category"):
            record["variant"] += ATTACK
    (tmp_path / "results/summary.json").write_text(canonical_json(summary))
    (tmp_path / "results/figures").mkdir()
    for name in FIGURES:
        Image.new("RGB", (2, 2)).save(tmp_path / f"results/figures/{name}.png")
    (tmp_path / "claims.yaml").write_text("[]")
    (tmp_path / "card.md").write_text(f"# {ATTACK}\n\n[x](javascript:alert(5)) {ATTACK}\n")
    write_json(tmp_path / "results/explore.json", attacked())
    write_json(tmp_path / "results/team.json", synthetic.team_shown(ATTACK))
    results = tmp_path / "results"
    sources = ReportInputs(
        results / "summary.json",
        results / "figures",
        tmp_path / "models",
        tmp_path / "claims.yaml",
        results / "proofs.json",
        results / "explore.json",
        results / "team.json",
        tmp_path / "card.md",
    )
    runs = fitted_runs(load_params(ROOT / "params.yaml"))
    html, markdown = build_report(sources, 8, 128, [4, 8, 16, 32], runs)
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    return html, (tmp_path / "index.html").as_uri()


def watched(page):
    """The dialogs and errors that a page will show."""
    seen = []
    page.set_default_timeout(120_000)
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: seen.append(str(error)))
    return seen


@pytest.mark.browser
@needs_browser
def test_the_report_runs_no_text_from_data(report):
    html, address = report
    assert ATTACK not in html and "<img src=x" not in html and "<svg onload" not in html
    with chromium() as browser:
        page = browser.new_page()
        seen = watched(page)
        page.goto(address)
        page.wait_for_selector("#explorer select")
        for radio in page.locator("#explorer [type=radio]").all():
            radio.check()
            page.get_by_role("button", name="Earlier").click()
        assert ATTACK in page.text_content("#explorer .history")
        assert ATTACK in page.text_content("#explorer option") and ATTACK in page.text_content("#explorer p.note")
        assert page.locator("[onerror], [onload], a[href^=javascript]").count() == 0
        assert seen == []


@pytest.mark.browser
@needs_browser
def test_the_proxy_page_runs_no_text_from_conversations():
    upstream, coordinator = Upstream(), Coordinator("bm25", 128, Settings(rewrite="always", keep_goal=False))
    messages = [
        {"role": "user", "content": f"Peas are green. {ATTACK} " * 9},
        {"role": "assistant", "name": "planner", "content": f"{ATTACK} Lentils. " * 9},
        {"role": "user", "content": f"Are peas green? {ATTACK}"},
    ]
    with (
        running(upstream.app) as direct,
        running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy,
        chromium() as browser,
    ):
        named = {"x-lrrc-conversation": ATTACK, "x-lrrc-agent": ATTACK}
        reply = httpx2.post(f"{proxy}/v1/chat/completions", json={"model": ATTACK, "messages": messages}, headers=named)
        assert reply.status_code == 200
        page = browser.new_page()
        seen = watched(page)
        page.goto(proxy)
        row = page.locator("#conversations tbody tr")
        row.wait_for()
        assert ATTACK in row.inner_text()
        row.get_by_role("button").click()
        page.locator("#digest a").first.wait_for()
        assert ATTACK in page.text_content("#history")
        assert page.locator("[onerror], [onload], a[href^=javascript]").count() == 0
        assert seen == []


def test_every_download_is_pinned():
    """Packaged weights and the vocabulary by their hash, hub data by a commit; a branch is refused."""
    import yaml

    from lrrc.episodes.hub import HUB
    from lrrc.params import parse_params
    from lrrc.pretrained import tokens
    from lrrc.pretrained.smollm2 import SHA256

    assert all(len(pin) == 64 and int(pin, 16) for pin in (SHA256, sentence_encoder.SHA256, tokens.VOCABULARY_SHA256))
    assert all(len(hub.revision) == 40 and int(hub.revision, 16) for hub in HUB.values())
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for revision in ("main", "refs/pr/1", "../x", "1b6335d"):
        values["data"]["revision"] = revision
        with pytest.raises(ValueError, match="params: data.revision"):
            parse_params(values)
    values["data"]["revision"] = HUB["lmsys"].revision
    assert parse_params(values).data.revision


@pytest.mark.parametrize("holder", ["lm", "encoder"])
def test_other_weights_than_the_pinned_are_refused(holder, monkeypatch, tmp_path):
    from lrrc.pretrained import smollm2
    from lrrc.pretrained.smollm2 import packaged_gguf

    module = {"lm": smollm2, "encoder": sentence_encoder}[holder]
    monkeypatch.setattr(module, "SHA256", "0" * 64)
    with pytest.raises(ValueError, match="not the pinned weights"):
        packaged_gguf() if holder == "lm" else sentence_encoder.distil(tmp_path, 16)
