// The kinds of panels: lines, our numbers and the paper's, points in the plane, values as colours.

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
        const words = `${name} ${told(value)}`, wide = 6.2 * words.length;
        // at the left end where marks are at the right one
        const taken = visible().some((line) => line.x.some((x, i) => line.y[i] !== null && sx(x) > area.right - wide - 10 && Math.abs(sy(line.y[i]) - sy(value) + 7) < 12));
        inside.append(text(taken ? area.left + 4 : area.right - 4, sy(value) - 4, words, { "text-anchor": taken ? "start" : "end" }));
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
  const around = (value, error) => (value === null ? [] : [value - (error || 0), value + (error || 0)]);
  const values = finite(panel.dots.flatMap((dot) => [dot.paper, ...around(dot.ours, dot.error), ...around(dot.other, dot.other_error)]));
  const isBeyond = (value) => panel.limits.length > 0 && value !== null && (value < panel.limits[0] || value > panel.limits[1]);
  // a mark with its interval, in the colour and the shape of its kind; beyond the axis an arrow and the number
  const marked = (kind, value, error, y, sx, area, status = "ok") => {
    const group = node("g", { class: kind.colour });
    if (isBeyond(value)) {
      const low = value < panel.limits[0], x = low ? area.left + 2 : area.right - 2, back = low ? 8 : -8;
      group.append(node("path", { class: "dot", d: `M${x},${y}l${back},-4.5v9z` }));
      const words = status === "ok" ? told(value) : `${told(value)}, ${status}`;
      group.append(text(x + 1.5 * back, y + 4, words, { "font-style": "italic", "text-anchor": low ? "start" : "end" }));
      return group;
    }
    if (error) group.append(node("path", { class: "line", d: `M${sx(value - error)},${y}H${sx(value + error)}M${sx(value - error)},${y - 4}v8M${sx(value + error)},${y - 4}v8` }));
    group.append(mark(kind.shape, sx(value), y, kind.size, { class: kind.look }));
    return group;
  };
  const said = (value, error) => `${told(value)}${error ? ` ± ${told(Number(error.toPrecision(2)))} (${panel.kind})` : ""}`;
  return framed(panel, {
    height,
    left,
    x: () => {
      const [low, high] = widened(panel.limits.length ? panel.limits : rangeOf(values), 0.08);
      // numbers that are never negative have no room below 0
      const negative = panel.dots.some((dot) => finite([dot.ours, dot.other, dot.paper]).some((value) => value < 0));
      return [negative ? low : Math.max(low, Math.min(0, ...values) - 0.03 * high), high];
    },
    draw(inside, { sx, area }, svg) {
      const held = (value) => Math.min(Math.max(sx(value), area.left), area.right);
      panel.dots.forEach((dot, i) => {
        const y = at(i), short = dot.name.length > 24 ? `…${dot.name.slice(-23)}` : dot.name;
        const known = finite([dot.ours, dot.other, dot.paper]);
        svg.append(text(left - 6, y + 4, short, { "text-anchor": "end" }));
        if (known.length > 1)
          inside.append(node("line", { class: "tie", x1: held(Math.min(...known)), x2: held(Math.max(...known)), y1: y, y2: y }));
        if (dot.other !== null) inside.append(marked(MARKS.other, dot.other, dot.other_error, y, sx, area));
        if (dot.ours !== null) inside.append(marked(MARKS.ours, dot.ours, dot.error, y, sx, area, dot.status));
        if (dot.paper !== null) inside.append(marked(MARKS.paper, dot.paper, null, y, sx, area));
        if (dot.status !== "ok" && !isBeyond(dot.ours)) {
          const words = text(known.length ? sx(Math.max(...known)) + 9 : left + 8, y + 4, dot.status, { "font-style": "italic" });
          // on the other side of the marks where there is no room
          if (known.length && Number(words.getAttribute("x")) + 6.2 * dot.status.length > area.right)
            for (const [key, value] of [["x", sx(Math.min(...known)) - 9], ["text-anchor", "end"]]) words.setAttribute(key, value);
          inside.append(words);
        }
      });
    },
    tell([, py], { area }, front) {
      const i = Math.floor((py - 8) / step), dot = panel.dots[i];
      if (!dot) return [];
      front.append(node("rect", { class: "near", x: area.left, y: at(i) - step / 2 + 2, width: area.right - area.left, height: step - 4 }));
      const lines = [dot.name, `ours: ${said(dot.ours, dot.error)}`];
      if (dot.other !== null) lines.push(`preset ${panel.other}: ${said(dot.other, dot.other_error)}${dot.words ? `, ${dot.words}` : ""}`);
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
  const left = 14 + 6.5 * Math.max(2, ...panel.rows.map((name) => name.length)), height = 26 + step * rows;
  const most = Math.max(1e-12, ...finite(panel.values.flat()));
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const shade = (value) => {
    const part = Math.sqrt(Math.max(0, value) / most) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(part));
    return `rgb(${stops[i].map((c, j) => Math.round(c + (stops[i + 1][j] - c) * (part - i))).join()})`;
  };
  const scaled = `${panel.column}s, the most used first; ${panel.value} from 0 (dark) to ${told(most)} (bright)`;
  return framed({ ...panel, x: "", below: scaled }, {
    height,
    left,
    bottom: 18,
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
