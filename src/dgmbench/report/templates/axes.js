// What the charts share: scales, marks, a panel with axes that zooms and tells values.

const tip = document.getElementById("tip");
const DASHES = ["", "7 3", "2 2", "9 3 2 3", "13 6", "6 2 2 2 2 2"], COLOURS = 8;

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

// The marks of a comparison: they differ in shape, too.
const MARKS = {
  ours: { colour: "c0", shape: 0, size: 3.8, look: "dot" },
  other: { colour: "c2", shape: 1, size: 5, look: "hollow" },
  paper: { colour: "c1", shape: 3, size: 4.2, look: "hollow" },
};

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
  const below = document.createElement("p");
  below.className = "below";
  below.textContent = panel.below || "";
  reset.className = "reset";
  reset.type = "button";
  reset.textContent = "whole range";
  reset.hidden = true;
  holder.append(heading, reset);
  let zoomed = null, place = null, svg = null;

  function paint() {
    const width = Math.max(260, holder.clientWidth || 360), area = { left, right: width - 12, top: 8, bottom: height - (options.bottom || 38) };
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
    else holder.append(made, ...(panel.below ? [below] : []));
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
