// The digest explorer. Text from data becomes text nodes only; spans count characters as Python does.
(() => {
  const data = JSON.parse(document.getElementById("explore-data").textContent);
  const root = document.getElementById("explorer");
  const make = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const select = (label, names) => {
    const list = make("select", { ariaLabel: label }, ...names.map((name, i) => new Option(name, i)));
    list.addEventListener("change", update);
    return list;
  };
  const words = (e) => e.models ? Object.entries(e.models).map(([a, m]) => `${a}: ${m}`).join(", ") : "";
  const episode = select("Episode", data.episodes.map((e) => `${e.id} (${e.family ?? "any"})`));
  const agent = select("Agent", []);
  const back = make("button", { type: "button", textContent: "◀ Earlier" });
  const on = make("button", { type: "button", textContent: "Later ▶" });
  const where = make("output", {});
  const about = make("p", { className: "note" });
  const rows = data.policies.map((name, i) => {
    const input = make("input", { type: "radio", name: "explore-policy", checked: i === 0 });
    input.addEventListener("change", update);
    return { input, tokens: make("td"), share: make("td"), name };
  });
  const body = make("tbody", {}, ...rows.map((row) =>
    make("tr", {}, make("td", {}, make("label", {}, row.input, " " + row.name)), row.tokens, row.share)));
  const heads = ["Policy", "Tokens sent", "Of the history"].map((text) => make("th", { scope: "col" }, text));
  const sent = make("div", { className: "sent" }), channels = make("div", {});
  const history = make("div", { className: "history", tabIndex: 0, ariaLabel: "History" });
  let turn = 0, shown = null;

  back.addEventListener("click", () => { turn--; update(); });
  on.addEventListener("click", () => { turn++; update(); });
  root.replaceChildren(
    make("div", { className: "controls" }, episode, back, where, on, agent), about,
    make("div", { className: "columns" },
      make("div", {}, make("div", { className: "scroll" },
        make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body)), sent, channels),
      history));
  update();

  function update() {
    const e = data.episodes[episode.value];
    if (shown !== e) turn = e.turns.length - 1;
    shown = e;
    const now = e.turns[turn], policy = rows.findIndex((row) => row.input.checked);
    const asked = now.sent[0].map((call) => call.agent);
    const chosen = Math.max(0, Math.min(asked.length - 1, agent.selectedIndex));
    agent.replaceChildren(...asked.map((name, i) => new Option("sent to " + name, i, false, i === chosen)));
    back.disabled = turn === 0;
    on.disabled = turn === e.turns.length - 1;
    where.textContent = `Turn ${turn + 1} of ${e.turns.length}`;
    about.textContent = `${words(e)}. Outcome: ${e.outcome ?? "none"}.`;
    rows.forEach((row, i) => {
      const call = now.sent[i][chosen];
      row.tokens.textContent = call ? call.tokens : "–";
      row.share.textContent = call?.history ? `${(100 * call.tokens / call.history).toFixed(0)} %` : "–";
    });
    const messages = e.turns.flatMap((t, i) => [...t.inputs, ...t.replies].map((m) => [i, ...m]));
    const call = now.sent[policy][chosen];
    drawSent(call, messages);
    drawHistory(call?.spans ?? [], messages, now);
    drawChannels(e.turns.slice(0, turn + 1).map((t) => t.gates[policy]));
  }

  function drawSent(call, messages) {
    const lines = [];
    let last = null;
    (call?.spans ?? []).forEach(([m, start, end], i) => {
      if (m !== last) lines.push(make("p", {}, make("b", {}, messages[m][1] + ": ")));
      else lines.at(-1).append(" ");
      const piece = [...messages[m][2]].slice(start, end).join("");
      lines.at(-1).append(make("a", { href: `#kept-${i}`, textContent: piece }));
      last = m;
    });
    const kind = call?.digest ? "The digest" : "Whole messages";
    sent.replaceChildren(make("h3", {}, lines.length ? `${kind}, ${call.tokens} tokens` : "Nothing of the history"),
      ...lines);
  }

  function drawHistory(spans, messages, now) {
    const parts = [];
    messages.forEach(([t, speaker, text], m) => {
      if (t > turn) return;
      if (m === 0 || messages[m - 1][0] !== t)
        parts.push(make("h4", {}, t === turn ? `Turn ${t + 1}: now asked` : `Turn ${t + 1}`));
      const line = make("p", {}, make("b", {}, speaker + ": ")), letters = [...text];
      let at = 0;
      spans.forEach(([k, start, end], i) => {
        if (k !== m) return;
        line.append(letters.slice(at, start).join(""),
          make("mark", { id: `kept-${i}`, tabIndex: -1 }, letters.slice(start, end).join("")));
        at = end;
      });
      line.append(letters.slice(at).join(""));
      parts.push(line);
    });
    history.replaceChildren(make("h3", {}, "History, what is sent marked"), ...parts);
    const first = history.querySelector("mark");
    history.scrollTop = first ? first.offsetTop - 60 : history.scrollHeight;
  }

  function drawChannels(gates) {
    const width = Math.max(0, ...gates.map((gate) => gate?.activity.length ?? 0));
    if (!width) return channels.replaceChildren();
    const cells = (gate) => [...Array(width).keys()].map((c) => make("td", gate?.active.includes(c)
      ? { className: "on", title: "active" } : {}, gate ? gate.activity[c].toFixed(2) : "–"));
    const head = ["After turn", ...[...Array(width).keys()].map((c) => c + 1)];
    channels.replaceChildren(make("h3", {}, "Channels of the state"),
      make("div", { className: "scroll" }, make("table", {},
        make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, ...gates.map((gate, t) => make("tr", {}, make("td", {}, t + 1), ...cells(gate)))))),
      make("p", { className: "note" }, "Activity from 0 to 1 once the turn's replies are read; the marked ones were updated."));
  }
})();
