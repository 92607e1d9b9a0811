// Charts: drag to zoom, double-click to go back, point to read values; a name in the legend hides its lines.

function legend(chart, hidden, repaint) {
  const list = document.createElement("div"), entries = new Map();
  list.className = "legend";
  if (chart.kind === "dots") {
    const kind = chart.panels.map((panel) => panel.kind).find(Boolean), about = kind ? `, ${kind}` : "";
    const names = { ours: `ours${about}`, other: `preset ${chart.panels[0].other}${about}`, paper: "paper" };
    for (const [which, { colour, shape, size, look }] of Object.entries(MARKS))
      if (which === "ours" || chart.panels.some((panel) => panel.dots.some((dot) => dot[which] !== null)))
        entries.set(names[which], [colour, [mark(shape, 15, 6, Math.min(size, 4.2), { class: look })]]);
  }
  if (chart.kind === "lines")
    for (const line of chart.panels.flatMap((panel) => panel.lines))
      if (!entries.has(line.name))
        entries.set(line.name, [colour(line.family), [node("path", { class: "line", d: "M0,6H30", "stroke-dasharray": DASHES[line.variant % DASHES.length] }), mark(line.family, 15, 6, 3, { class: line.variant ? "hollow" : "dot" })]]);
  for (const [name, [className, marks]] of entries) {
    const entry = document.createElement(chart.kind === "lines" ? "button" : "span");
    entry.append(node("svg", { class: className, viewBox: "0 0 30 12", width: 30, height: 12, "aria-hidden": "true" }, ...marks), name);
    if (chart.kind === "lines") {
      entry.type = "button";
      entry.setAttribute("aria-pressed", "true");
      entry.addEventListener("click", () => {
        if (!hidden.delete(name)) hidden.add(name);
        entry.setAttribute("aria-pressed", String(!hidden.has(name)));
        repaint();
      });
    }
    list.append(entry);
  }
  return list;
}

const KINDS = { lines: linesPanel, dots: dotsPanel, points: pointsPanel, heat: heatPanel };
const source = document.getElementById("charts");
const charts = source ? JSON.parse(source.textContent) : {};
const painted = [];

function show(holder) {
  const chart = charts[holder.dataset.chart];
  if (!chart || !KINDS[chart.kind]) return;
  const hidden = new Set(), panels = chart.panels.map((panel) => KINDS[chart.kind](panel, hidden));
  const grid = document.createElement("div");
  grid.className = panels.length === 1 ? "panels alone" : panels.length % 3 ? "panels" : "panels thirds";
  grid.append(...panels.map((panel) => panel.holder));
  const repaint = () => panels.forEach((panel) => panel.paint());
  holder.append(legend(chart, hidden, repaint), grid);
  repaint();
  painted.push({ grid, width: grid.clientWidth, repaint });
  const picture = holder.parentElement.querySelector(".pan, img");
  if (picture) picture.hidden = true; // the same as a picture, for browsers without scripts
}

let waiting = 0;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    for (const each of painted) if (each.grid.clientWidth !== each.width) {
      each.width = each.grid.clientWidth;
      each.repaint();
    }
  }, 150);
});

const holders = [...document.querySelectorAll(".chart")];
(function next() {
  const holder = holders.shift();
  if (!holder) return;
  show(holder);
  setTimeout(next);
})();
