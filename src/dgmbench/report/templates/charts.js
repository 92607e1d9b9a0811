// Charts: drag to zoom, double-click to go back, point to read values; a name in the legend hides its lines.

(() => {
  const source = document.getElementById("charts");
  if (!source) return;
  const charts = JSON.parse(source.textContent), tip = document.getElementById("tip");
  const DASHES = ["", "7 3", "2 2", "9 3 2 3"], COLOURS = 8;

  function node(name, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  const text = (x, y, words, attributes = {}) => node("text", { x, y, ...attributes }, words);
  const colour = (number) => `c${number % COLOURS}`;
  const finite = (values) => values.filter((value) => value !== null && Number.isFinite(value));

  function told(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e6) return String(value);
    return size >= 1e6 || (size < 1e-3 && size > 0) ? value.toExponential(2) : String(Number(value.toPrecision(5)));
  }

  function ticksOf([low, high], log, count) {
    if (log) {
      const found = [];
      for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
        for (const m of [1, 2, 5]) found.push(m * 10 ** e);
      const inside = found.filter((t) => t >= low * 0.999 && t <= high * 1.001);
      if (inside.length < 3) return ticksOf([low, high], false, count);
      const tens = inside.filter((t) => Number.isInteger(Math.round(Math.log10(t) * 1e6) / 1e6));
      return inside.length > count && tens.length > 1 ? tens : inside;
    }
    const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough) || rough;
    const found = [];
    for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + step * 1e-6; t += step)
      found.push(Math.abs(t) < step * 1e-6 ? 0 : Number(t.toPrecision(12)));
    return found;
  }

  const scale = ([low, high], [from, to], log) => {
    const f = log ? Math.log : (v) => v, a = f(low), b = f(high);
    const there = (v) => from + ((f(v) - a) / (b - a || 1)) * (to - from);
    there.back = (place) => {
      const v = a + ((place - from) / (to - from || 1)) * (b - a);
      return log ? Math.exp(v) : v;
    };
    return there;
  };

  function widened([low, high], part, log) {
    if (log) {
      const factor = (high / low) ** part || 1;
      return low === high ? [low / 2, high * 2] : [low / factor, high * factor];
    }
    const margin = (high - low) * part || Math.abs(high) * 0.05 || 1;
    return [low - margin, high + margin];
  }
  const rangeOf = (values, fallback = [0, 1]) => (values.length ? [Math.min(...values), Math.max(...values)] : fallback);

  const SHAPES = [
    (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
    (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
    (r) => `M0,${-1.2 * r}L${1.15 * r},${0.9 * r}H${-1.15 * r}z`,
    (r) => `M0,${-1.3 * r}L${1.3 * r},0L0,${1.3 * r}L${-1.3 * r},0z`,
  ];
  const mark = (number, x, y, r, attributes) =>
    node("path", { d: SHAPES[number % SHAPES.length](r), transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`, ...attributes });

  function say(event, lines) {
    tip.textContent = lines.join("\n");
    tip.hidden = !lines.length;
    if (tip.hidden) return;
    const width = tip.offsetWidth, right = document.documentElement.clientWidth + scrollX;
    tip.style.left = `${Math.max(4, Math.min(event.pageX + 14, right - width - 6))}px`;
    tip.style.top = `${event.pageY + 16}px`;
  }

  // A panel with axes: `draw` fills it, `tell` gives the words for a place in it.
  function framed(panel, options) {
    const { height, left, x, y, log, same, draw, tell } = options;
    const holder = document.createElement("div"), heading = document.createElement("h4");
    const reset = document.createElement("button");
    holder.className = "panel";
    heading.textContent = panel.title;
    reset.className = "reset";
    reset.type = "button";
    reset.textContent = "whole range";
    reset.hidden = true;
    holder.append(heading, reset);
    let zoomed = null, place = null, svg = null;

    function paint() {
      const width = Math.max(260, holder.clientWidth || 360), area = { left, right: width - 12, top: 8, bottom: height - 38 };
      const view = zoomed || { x: x(), y: y && y() };
      if (same && view.y) {
        // one unit is as long on both axes
        const across = (view.x[1] - view.x[0]) / (area.right - area.left), up = (view.y[1] - view.y[0]) / (area.bottom - area.top);
        const unit = Math.max(across, up), mid = (r) => (r[0] + r[1]) / 2;
        const half = [(unit * (area.right - area.left)) / 2, (unit * (area.bottom - area.top)) / 2];
        view.x = [mid(view.x) - half[0], mid(view.x) + half[0]];
        view.y = [mid(view.y) - half[1], mid(view.y) + half[1]];
      }
      const sx = scale(view.x, [area.left, area.right], log), sy = view.y && scale(view.y, [area.bottom, area.top], false);
      const made = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": panel.title });
      const clip = `clip${Math.random().toString(36).slice(2)}`;
      made.append(node("clipPath", { id: clip }, node("rect", { x: area.left, y: area.top - 4, width: area.right - area.left, height: area.bottom - area.top + 8 })));
      if (!same)
        for (const t of ticksOf(view.x, log, Math.max(2, Math.floor(width / 75)))) {
          const at = sx(t);
          if (at < area.left - 1 || at > area.right + 1) continue;
          made.append(node("line", { class: "grid", x1: at, x2: at, y1: area.top, y2: area.bottom }));
          made.append(text(at, area.bottom + 14, told(t), { "text-anchor": "middle" }));
        }
      if (sy && !same)
        for (const t of ticksOf(view.y, false, 5)) {
          made.append(node("line", { class: "grid", x1: area.left, x2: area.right, y1: sy(t), y2: sy(t) }));
          made.append(text(area.left - 5, sy(t) + 4, told(t), { "text-anchor": "end" }));
        }
      made.append(node("line", { class: "axis", x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom }));
      made.append(text((area.left + area.right) / 2, height - 6, panel.x || "", { "text-anchor": "middle" }));
      if (panel.y) {
        const middle = (area.top + area.bottom) / 2;
        made.append(text(11, middle, panel.y, { "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }));
      }
      const inside = node("g", { "clip-path": `url(#${clip})` }), front = node("g");
      made.append(inside, front);
      place = { sx, sy, area, view };
      draw(inside, place, made);
      listen(made, front);
      if (svg) svg.replaceWith(made);
      else holder.append(made);
      svg = made;
      reset.hidden = !zoomed;
    }

    function listen(made, front) {
      const at = (event) => {
        const box = made.getBoundingClientRect();
        const ratio = made.viewBox.baseVal.width / box.width;
        return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
      };
      let start = null;
      made.addEventListener("pointerdown", (event) => {
        if (event.button === 0) start = at(event);
      });
      made.addEventListener("pointermove", (event) => {
        const [px, py] = at(event);
        front.replaceChildren();
        if (start && Math.abs(px - start[0]) > 6) {
          say(event, []);
          const tall = sides(start, [px, py]);
          front.append(node("rect", { class: "zoom", x: Math.min(px, start[0]), width: Math.abs(px - start[0]), ...tall }));
          return;
        }
        say(event, tell([px, py], place, front));
      });
      made.addEventListener("pointerup", (event) => {
        const end = at(event), from = start;
        start = null;
        front.replaceChildren();
        if (!from || Math.abs(end[0] - from[0]) <= 6) return say(event, tell(end, place, front));
        const { sx, sy, area } = place, inX = (p) => Math.min(Math.max(p, area.left), area.right);
        const xs = [sx.back(inX(from[0])), sx.back(inX(end[0]))].sort((a, b) => a - b);
        const box = sides(from, end);
        let ys = null;
        if (sy) ys = box.height < area.bottom - area.top ? [sy.back(box.y + box.height), sy.back(box.y)] : options.within ? options.within(xs) : place.view.y;
        zoomed = { x: xs, y: ys || place.view.y };
        paint();
      });
      made.addEventListener("pointerleave", (event) => {
        start = null;
        front.replaceChildren();
        say(event, []);
      });
      made.addEventListener("dblclick", () => {
        zoomed = null;
        paint();
      });
    }
    // a flat drag is one along the x axis
    function sides(from, to) {
      const { area, sy } = place;
      if (!sy || Math.abs(to[1] - from[1]) < 24) return { y: area.top, height: area.bottom - area.top };
      const top = Math.max(area.top, Math.min(from[1], to[1])), bottom = Math.min(area.bottom, Math.max(from[1], to[1]));
      return { y: top, height: Math.max(1, bottom - top) };
    }
    reset.addEventListener("click", () => {
      zoomed = null;
      paint();
    });
    return { holder, paint };
  }

  function linesPanel(panel, hidden) {
    const visible = () => panel.lines.filter((line) => !hidden.has(line.name));
    const spread = (line, i) => line.spread[i] || 0;
    const known = (test) => visible().flatMap((line) => finite(line.y.flatMap((y, i) => (y !== null && test(line.x[i]) ? [y - spread(line, i), y + spread(line, i)] : []))));
    const levels = Object.entries(panel.levels);
    return framed(panel, {
      height: 280,
      left: 62,
      log: panel.log,
      x: () => widened(rangeOf(finite(panel.lines.flatMap((line) => line.x)), [1, 10]), 0.02, panel.log),
      y: () => (panel.limits.length ? panel.limits : widened(rangeOf([...known(() => true), ...levels.map(([, v]) => v)]), 0.05)),
      within: ([low, high]) => {
        const values = known((x) => x >= low && x <= high);
        return values.length ? widened(rangeOf(values), 0.05) : null;
      },
      draw(inside, { sx, sy, area }) {
        for (const [name, value] of levels) {
          inside.append(node("line", { class: "level", x1: area.left, x2: area.right, y1: sy(value), y2: sy(value) }));
          inside.append(text(area.right - 4, sy(value) - 4, `${name} ${told(value)}`, { "text-anchor": "end" }));
        }
        for (const line of visible()) {
          const group = node("g", { class: colour(line.family) });
          const points = line.x.map((x, i) => [sx(x), line.y[i], spread(line, i)]).filter(([, y]) => y !== null);
          if (line.spread.length && points.length > 1) {
            const upper = points.map(([x, y, s]) => `${x.toFixed(1)},${sy(y + s).toFixed(1)}`);
            const lower = points.map(([x, y, s]) => `${x.toFixed(1)},${sy(y - s).toFixed(1)}`).reverse();
            group.append(node("path", { class: "spread", d: `M${[...upper, ...lower].join("L")}z` }));
          }
          if (points.length > 1)
            group.append(node("path", { class: "line", "stroke-dasharray": DASHES[line.variant % DASHES.length], d: `M${points.map(([x, y]) => `${x.toFixed(1)},${sy(y).toFixed(1)}`).join("L")}` }));
          const every = Math.ceil(points.length / 12); // markers tell lines apart without colours
          points.forEach(([x, y], i) => {
            if (i % every === 0 || i === points.length - 1) group.append(mark(line.family, x, sy(y), 3, { class: line.variant ? "hollow" : "dot" }));
          });
          inside.append(group);
        }
      },
      tell([px, py], { sx, sy, area }, front) {
        if (px < area.left - 4 || px > area.right + 4 || py > area.bottom) return [];
        let best = null;
        for (const line of visible())
          for (let i = 0; i < line.x.length; i++) {
            const far = Math.abs(sx(line.x[i]) - px);
            if (line.y[i] !== null && (best === null || far < best.far)) best = { far, x: line.x[i] };
          }
        if (!best) return [];
        front.append(node("line", { class: "near", x1: sx(best.x), x2: sx(best.x), y1: area.top, y2: area.bottom, opacity: 0.4 }));
        const found = visible().flatMap((line) => {
          let near = -1;
          line.x.forEach((x, i) => {
            if (line.y[i] !== null && (near < 0 || Math.abs(sx(x) - sx(best.x)) < Math.abs(sx(line.x[near]) - sx(best.x)))) near = i;
          });
          if (near < 0 || Math.abs(sx(line.x[near]) - sx(best.x)) > 12) return [];
          front.append(mark(line.family, sx(line.x[near]), sy(line.y[near]), 5, { class: "near" }));
          const band = line.spread.length ? ` ± ${told(line.spread[near])}` : "";
          const own = line.x[near] === best.x ? "" : ` (at ${told(line.x[near])})`;
          return [{ y: line.y[near], words: `${line.name}: ${told(line.y[near])}${band}${own}` }];
        });
        return [`${panel.x} ${told(best.x)}`, ...found.sort((a, b) => b.y - a.y).map((each) => each.words)];
      },
    });
  }

  function dotsPanel(panel) {
    const longest = Math.max(4, ...panel.dots.map((dot) => dot.name.length)), step = 26;
    const left = Math.min(170, 12 + 6.6 * longest), height = 54 + step * panel.dots.length;
    const at = (i) => 8 + step * (i + 0.5);
    const values = finite(panel.dots.flatMap((dot) => [dot.paper, ...(dot.ours === null ? [] : [dot.ours - (dot.error || 0), dot.ours + (dot.error || 0)])]));
    return framed(panel, {
      height,
      left,
      x: () => widened(rangeOf(values), 0.08),
      draw(inside, { sx }, svg) {
        panel.dots.forEach((dot, i) => {
          const y = at(i), short = dot.name.length > 24 ? `${dot.name.slice(0, 23)}…` : dot.name;
          svg.append(text(left - 6, y + 4, short, { "text-anchor": "end" }));
          if (dot.ours !== null && dot.paper !== null)
            inside.append(node("line", { class: "tie", x1: sx(dot.ours), x2: sx(dot.paper), y1: y, y2: y }));
          if (dot.paper !== null) inside.append(mark(3, sx(dot.paper), y, 4.2, { class: "hollow c1" }));
          if (dot.ours !== null) {
            const group = node("g", { class: "c0" });
            if (dot.error) group.append(node("path", { class: "line", d: `M${sx(dot.ours - dot.error)},${y}H${sx(dot.ours + dot.error)}M${sx(dot.ours - dot.error)},${y - 4}v8M${sx(dot.ours + dot.error)},${y - 4}v8` }));
            group.append(mark(0, sx(dot.ours), y, 4.2, { class: "dot" }));
            inside.append(group);
          }
          if (dot.status !== "ok") {
            const right = finite([dot.ours, dot.paper]);
            const place = right.length ? sx(Math.max(...right)) + 9 : left + 8;
            inside.append(text(place, y + 4, dot.status, { "font-style": "italic" }));
          }
        });
      },
      tell([, py], { area }, front) {
        const i = Math.floor((py - 8) / step), dot = panel.dots[i];
        if (!dot) return [];
        front.append(node("rect", { class: "near", x: area.left, y: at(i) - step / 2 + 2, width: area.right - area.left, height: step - 4 }));
        const lines = [dot.name, `ours: ${told(dot.ours)}${dot.error ? ` ± ${told(dot.error)}` : ""}`];
        if (dot.paper !== null) lines.push(`paper: ${told(dot.paper)}`);
        if (dot.paper !== null && dot.ours !== null) lines.push(`ours − paper: ${told(dot.ours - dot.paper)}`);
        return dot.status === "ok" ? lines : [...lines, dot.status];
      },
    });
  }

  function pointsPanel(panel) {
    const radius = (point) => (point.large ? 8 : Math.min(9, 2.4 * Math.sqrt(point.size)));
    return framed(panel, {
      height: 440,
      left: 14,
      same: true,
      x: () => widened(rangeOf(panel.points.map((p) => p.x)), 0.12),
      y: () => widened(rangeOf(panel.points.map((p) => p.y)), 0.08),
      draw(inside, { sx, sy, area }) {
        const ordered = [...panel.points].sort((a, b) => a.large - b.large || b.size - a.size);
        for (const point of ordered)
          inside.append(node("g", { class: colour(point.group) }, mark(point.group, sx(point.x), sy(point.y), radius(point), { class: point.large ? "dot edge" : "dot", opacity: point.large ? 1 : 0.7 })));
        const taken = [];
        for (const point of [...ordered].reverse().sort((a, b) => b.large - a.large || b.size - a.size)) {
          const px = sx(point.x), py = sy(point.y), wide = point.label.length * (point.large ? 6.8 : 5.6), r = radius(point) + 2;
          if (px < area.left || px > area.right || py < area.top || py > area.bottom) continue;
          const places = [[px + r, py + 3], [px - r - wide, py + 3], [px - wide / 2, py - r], [px - wide / 2, py + r + 8]];
          const free = places.find(([x, y]) => x > area.left && x + wide < area.right && !taken.some((t) => x < t[2] && x + wide > t[0] && y - 9 < t[3] && y + 2 > t[1]));
          if (!free) continue;
          taken.push([free[0], free[1] - 9, free[0] + wide, free[1] + 2]);
          inside.append(text(free[0], free[1], point.label, { class: point.large ? "name" : "word" }));
        }
      },
      tell([px, py], { sx, sy }, front) {
        const far = (point) => (sx(point.x) - px) ** 2 + (sy(point.y) - py) ** 2;
        const near = panel.points.reduce((a, b) => (far(b) < far(a) ? b : a), panel.points[0]);
        if (!near || far(near) > 900) return [];
        front.append(mark(near.group, sx(near.x), sy(near.y), radius(near) + 3, { class: "near" }));
        return [near.label, near.text].filter(Boolean);
      },
    });
  }

  function heatPanel(panel) {
    const rows = panel.rows.length, columns = panel.columns.length, step = Math.max(9, Math.min(16, 300 / rows));
    const left = 14 + 6.5 * Math.max(2, ...panel.rows.map((name) => name.length)), height = 46 + step * rows;
    const most = Math.max(1e-12, ...finite(panel.values.flat()));
    const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
    const shade = (value) => {
      const part = Math.sqrt(Math.max(0, value) / most) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(part));
      return `rgb(${stops[i].map((c, j) => Math.round(c + (stops[i + 1][j] - c) * (part - i))).join()})`;
    };
    const scaled = `${panel.column}s, the most used first; ${panel.value} from 0 (dark) to ${told(most)} (bright)`;
    return framed({ ...panel, x: scaled }, {
      height,
      left,
      same: true,
      x: () => [0, columns],
      draw(inside, { sx, view }, svg) {
        panel.values.forEach((line, i) => {
          svg.append(text(left - 5, 8 + step * (i + 0.75), panel.rows[i], { "text-anchor": "end" }));
          line.forEach((value, j) => {
            if (value !== null && j + 1 > view.x[0] && j < view.x[1])
              inside.append(node("rect", { x: sx(j), y: 8 + step * i, width: sx(j + 1) - sx(j) + 0.4, height: step + 0.3, fill: shade(value) }));
          });
        });
      },
      tell([px, py], { sx, area }) {
        const i = Math.floor((py - 8) / step), j = Math.floor(sx.back(px));
        if (px < area.left || !panel.values[i] || panel.values[i][j] === undefined) return [];
        return [`${panel.row} ${panel.rows[i]}, ${panel.column} ${panel.columns[j]}`, `${panel.value} ${told(panel.values[i][j])}`];
      },
    });
  }

  function legend(chart, hidden, repaint) {
    const list = document.createElement("div"), entries = new Map();
    list.className = "legend";
    if (chart.kind === "dots") {
      entries.set("ours", ["c0", [mark(0, 15, 6, 4.2, { class: "dot" })]]);
      if (chart.panels.some((panel) => panel.dots.some((dot) => dot.paper !== null))) entries.set("paper", ["c1", [mark(3, 15, 6, 4.2, { class: "hollow" })]]);
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
  const painted = [];

  function show(holder) {
    const chart = charts[holder.dataset.chart];
    if (!chart || !KINDS[chart.kind]) return;
    const hidden = new Set(), panels = chart.panels.map((panel) => KINDS[chart.kind](panel, hidden));
    const grid = document.createElement("div");
    grid.className = "panels";
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
})();
