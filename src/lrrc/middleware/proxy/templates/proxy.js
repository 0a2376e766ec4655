// The proxy's page. Text from conversations becomes text nodes only; spans count characters as Python does.
(() => {
  const at = (id) => document.getElementById(id);
  const token = new URLSearchParams(location.search).get("token");
  const make = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const whole = (n) => n.toLocaleString("en");
  const percent = (saved, before) => before ? Math.round(100 * saved / before) : 0;
  const ask = async (path) => {
    const reply = await fetch(path, { headers: token ? { "x-lrrc-token": token } : {} });
    if (!reply.ok) throw Object.assign(new Error(`${path}: ${reply.status}`), { status: reply.status });
    return reply.json();
  };
  let chosen = null, shown = "";
  at("here").textContent = `${location.origin}/v1`;
  tick();

  async function tick() {
    try {
      summary(await ask("stats"));
      at("trouble").hidden = true;
    } catch (error) {
      at("trouble").textContent = error.status === 401 ? "The token in this page's address is not the proxy's."
        : "The proxy does not answer.";
      at("trouble").hidden = false;
    }
    setTimeout(tick, document.hidden ? 10000 : 1500);
  }

  function summary(now) {
    at("about").textContent = `Policy ${now.policy}, digests of at most ${now.budget} tokens, `
      + `${now.standing ? `up to ${100 * now.standing} % of them the user's standing rules` : "standing rules as other text"}; `
      + `to ${now.upstreams.join(", ")}.`
      + (now.last_failure ? ` Last prompt that could not be shortened: ${now.last_failure}.` : "");
    const { before, after, saved, reusable } = now.tokens, done = now.requests;
    const { total } = now.billed;
    const cheaper = percent(now.bill.before - now.bill.after, now.bill.before);
    const untouched = done.malformed + done.failed + done.unread + done.refused + done.bypassed;
    const card = (title, value, note) =>
      make("div", { className: "card" }, make("span", {}, title), make("b", {}, value), make("span", {}, note));
    at("cards").replaceChildren(
      card("Prompt tokens before", whole(before), "as the applications sent them"),
      card("Prompt tokens after", whole(after), `${whole(reusable)} of them in a prefix sent before`),
      card("Saved", `${percent(saved, before)} %`, `${whole(saved)} tokens`),
      card("Bill", `${Math.abs(cheaper)} % ${cheaper < 0 ? "more" : "less"}`, "estimated, with prompt caching"),
      ...(total.unit ? [card("Saved, as billed", costs(total.saved, total.unit),
        `${percent(total.saved, total.whole)} % of the prompts' price, by the providers' counts`)] : []),
      card("Calls", whole(Object.values(done).reduce((a, b) => a + b)), `${now.open} open, ${untouched} sent on untouched`),
      card("Time to compose", `${now.compose_ms.p50} ms`, `median; 95 % within ${now.compose_ms.p95} ms`));
    billed(now.billed);
    const rows = now.conversations;
    at("none").hidden = rows.length > 0;
    at("conversations").hidden = rows.length === 0;
    at("conversations").tBodies[0].replaceChildren(...rows.map(row));
    const current = rows.find((c) => c.conversation === chosen) ?? null;
    if (current) detail(current);
    else at("detail").hidden = true;
  }

  const cells = (...texts) => make("tr", {}, ...texts.map((text) => make("td", {}, text)));
  const dollars = (value) => `${value < 0 ? "−" : ""}$${Math.abs(value).toFixed(Math.abs(value) < 1 ? 4 : 2)}`;
  const costs = (value, unit) => unit === "USD" ? dollars(value) : whole(Math.round(value));

  function billed({ rows, since, holdout }) {
    at("billed").hidden = rows.length === 0;
    const unpriced = rows.some((r) => r.unit !== "USD");
    at("since").textContent = `Since ${new Date(1000 * since).toLocaleString("en-GB")}, prompts by the providers' own counts `
      + "where their answers had them, else by ours; as given: what the prompts would have cost unshortened, with their own "
      + `cache hits.${unpriced ? " Without $: in prices of the settings, for models that are not in the table of prices." : ""}`;
    at("bills").tBodies[0].replaceChildren(...rows.map((r) => cells(
      r.agent || "–", r.model || "–", `${whole(r.calls)}${r.measured < r.calls ? ` (${whole(r.measured)} counted by it)` : ""}`,
      r.measured ? whole(r.prompt) : "–", r.prompt ? `${percent(r.cached, r.prompt)} %` : "–",
      r.measured ? whole(r.completion) : "–", costs(r.spent, r.unit), costs(r.whole, r.unit),
      `${costs(r.saved, r.unit)} (${percent(r.saved, r.whole)} %)`)));
    at("holdout").hidden = !holdout;
    if (!holdout) return;
    const names = { bill: "bill", completion: "tokens of answers", calls: "calls", errors: "share of calls that failed" };
    const figure = (value, name) => name === "bill" && holdout.unit === "USD" ? dollars(value) : Number(value.toPrecision(3)).toLocaleString("en");
    at("sides").textContent = `${whole(holdout.shortened)} conversations were shortened, ${whole(holdout.held_out)} drawn at random `
      + "and left whole.";
    at("measures").tBodies[0].replaceChildren(...Object.entries(holdout.measures).map(([name, m]) => cells(
      names[name], figure(m.shortened, name), figure(m.held_out, name), figure(m.difference, name),
      m.interval ? m.interval.map((value) => figure(value, name)).join(" to ") : "too few conversations")));
  }

  function row(c) {
    const name = make("button", { type: "button" }, c.conversation);
    name.addEventListener("click", () => { chosen = c.conversation; detail(c); });
    const fill = make("i", {}), share = percent(c.tokens_saved, c.tokens_before);
    fill.style.width = `${Math.max(0, share)}%`;
    const texts = [name, c.agents.join(", "), whole(c.calls), whole(c.tokens_before), whole(c.tokens_after)];
    const made = make("tr", {}, ...texts.map((cell) => make("td", {}, cell)),
      make("td", {}, `${share} %`, make("span", { className: "bar" }, fill)),
      make("td", {}, new Date(1000 * c.seen).toLocaleTimeString("en-GB")));
    if (c.conversation === chosen) made.setAttribute("aria-current", "true");
    return made;
  }

  async function detail(c) {
    const version = `${c.conversation}/${c.calls}`;
    if (version === shown && !at("detail").hidden) return;
    let data;
    try { data = await ask(`stats/${encodeURIComponent(c.conversation)}`); } catch { return; }
    if (c.conversation !== chosen) return;
    shown = version;
    const last = data.last;
    at("title").textContent = `Conversation ${data.conversation}`;
    at("call").textContent = `Last call, to ${last.agent ?? last.model ?? "assistant"}: ${whole(last.tokens_before)} tokens `
      + `before, ${whole(last.tokens_after)} after; ${last.action}${last.reason ? ` (${last.reason})` : ""}.`;
    const characters = last.messages.map((m) => Array.from(m.text));
    const piece = (m, [from, to]) => characters[m].slice(from, to).join("");
    const between = (line, i) => {  // pieces that touch keep the white space between them, as in what was sent
      const gap = i ? piece(line.message, [line.spans[i - 1][1], line.spans[i][0]]) : "";
      return gap.trim() ? " … " : gap;
    };
    at("digest").replaceChildren(...last.digest.map((line) =>
      make("a", { href: `#source-${line.message}`, title: `message ${line.message + 1}${line.rules.length ? ", a standing rule" : ""}` },
        make("b", {}, last.messages[line.message].speaker + (line.rules.length ? " (rule)" : "") + ": "),
        line.spans.map((span, i) => between(line, i) + piece(line.message, span)).join(""))));
    if (!last.digest.length) at("digest").append(make("p", { className: "note" }, "None: whole messages were sent."));
    at("calls").tBodies[0].replaceChildren(...data.recent.toReversed().map((call) => make("tr", {},
      ...[call.agent ?? call.model ?? "assistant", whole(call.tokens_before), whole(call.tokens_after), call.action]
        .map((text) => make("td", {}, text)))));
    at("history").replaceChildren(...last.messages.map((message, m) => {
      const merged = last.merged.includes(m), kept = merged || last.kept.includes(m);
      const spans = last.digest.filter((l) => l.message === m).flatMap((l) => l.spans);
      const cuts = [...spans].sort((a, b) => a[0] - b[0]), parts = [];
      let place = 0;
      for (const [from, to] of cuts) {
        parts.push(piece(m, [place, from]), make("mark", {}, piece(m, [from, to])));
        place = to;
      }
      parts.push(piece(m, [place, characters[m].length]));
      return make("div", { id: `source-${m}`, className: kept ? "message kept" : "message" },
        make("b", {}, `${m + 1}. ${message.speaker}${merged ? " (sent whole, in one message with others)" : kept ? " (sent as it stands)" : ""}`), ...parts);
    }));
    at("detail").hidden = false;
    for (const row of at("conversations").tBodies[0].rows)
      row.toggleAttribute("aria-current", row.cells[0].textContent === chosen);
  }
})();
