// Tables that sort, numbers that tell where they come from, pictures at their own size.

const numberOf = (text) => {
  const found = text.replace(/,(?=\d{3})/g, "").replace(/−/g, "-").match(/^\s*[+-]?\d*\.?\d+(e[+-]?\d+)?/i);
  return found ? parseFloat(found[0]) : NaN;
};
const shown = (cell) => (cell.querySelector("a, strong, .bad") || cell.firstChild || cell).textContent.trim();

function sortable(table) {
  const body = table.tBodies[0], original = [...body.rows];
  const headings = [...table.tHead.querySelectorAll("th:not(.group)")];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(heading, column));
  });
  function sort(heading, column) {
    const keys = original.map((row) => shown(row.cells[column]));
    const numbers = keys.map(numberOf);
    const counted = numbers.filter((value) => !Number.isNaN(value)).length;
    // a column of names that begin with digits is one of names
    const numeric = counted > 0 && keys.every((key, i) => !Number.isNaN(numbers[i]) === /^[+\-−]?[\d.]/.test(key));
    const first = numeric && column ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const before = heading.getAttribute("aria-sort");
    const order = before === null ? first : before === first ? second : null;
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    if (order === null) return body.append(...original);
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const places = original.map((_, i) => i).sort((a, b) => {
      if (!numeric) return sign * keys[a].localeCompare(keys[b], "en", { numeric: true });
      const lacking = Number.isNaN(numbers[a]) - Number.isNaN(numbers[b]); // words come last
      return lacking || (Number.isNaN(numbers[a]) ? 0 : sign * (numbers[a] - numbers[b]));
    });
    body.append(...places.map((i) => original[i]));
  }
}
document.querySelectorAll("table.sortable").forEach(sortable);

const dialog = document.getElementById("origin");
if (dialog) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.origin");
    const origin = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!origin) return;
    event.preventDefault();
    const heading = document.createElement("h3");
    heading.textContent = origin.querySelector("summary").textContent;
    dialog.lastElementChild.replaceChildren(heading, origin.querySelector("dl").cloneNode(true));
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.className === "close") dialog.close();
  });
}

function openTarget() {
  let place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (const target = place; place; place = place.parentElement) {
    if (place.tagName === "DETAILS") place.open = true;
    if (place === document.body) target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();

document.querySelectorAll("figure img").forEach((image) => {
  const pan = document.createElement("div");
  pan.className = "pan";
  image.replaceWith(pan);
  pan.append(image);
  image.addEventListener("click", () => image.classList.toggle("whole"));
});

addEventListener("beforeprint", () => {
  document.querySelectorAll("details.fold:not(.origins)").forEach((part) => {
    part.open = part.open || part.querySelectorAll("tbody tr").length <= 120;
  });
});
