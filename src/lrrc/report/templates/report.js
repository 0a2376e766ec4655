// Tables sort by the column whose header is pressed, numbers by value, the rest by text; each downloads as CSV.
for (const head of document.querySelectorAll("table:not(.asked) thead th")) {
  if (head.closest("#explorer") || head.querySelector("button")) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
}
for (const table of document.querySelectorAll("table:not(.asked)")) {
  const place = table.closest(".scroll") ?? table;
  if (table.closest("#explorer") || place.nextElementSibling?.querySelector("a.download")) continue;
  const quoted = (cell) => `"${cell.textContent.trim().replaceAll('"', '""')}"`;
  const text = [...table.rows].map((row) => [...row.cells].map(quoted).join(",")).join("\n");
  const link = document.createElement("a"), note = document.createElement("p");
  Object.assign(link, { className: "download", textContent: "Download as CSV", download: "table.csv",
    href: "data:text/csv;charset=utf-8," + encodeURIComponent(text + "\n") });
  note.className = "note";
  note.append(link);
  place.after(note);
}
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), row = head.parentNode, body = head.closest("table").tBodies[0];
    const column = [...row.cells].indexOf(head);
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const cell of row.cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    const key = (tr) => tr.cells[column].dataset.value ?? tr.cells[column].textContent.trim();
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");  // what was not measured stays below
      return sign * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
    };
    body.append(...[...body.rows].sort(compare));
  });
}
// Names below columns stand upright where the screen is too narrow for them side by side.
for (const plot of document.querySelectorAll(".plotly-graph-div")) {
  if (plot.layout?.xaxis?.type !== "category") continue;
  const names = [...new Set(plot.data.flatMap((series) => series.x))];
  const plain = names.map((name) => name.replaceAll("-<br>", "-").replaceAll("<br>", " "));
  const fit = () => {
    const narrow = plot.clientWidth < 70 * names.length;
    Plotly.relayout(plot, { "xaxis.tickmode": narrow ? "array" : "auto", "xaxis.tickangle": narrow ? -90 : "auto",
      "xaxis.tickvals": narrow ? names : null, "xaxis.ticktext": narrow ? plain : null });
  };
  fit();
  addEventListener("resize", fit);
}
