// What has happened, as a list with filters. `data`, which the page has made before, is what there is:
// devices: [{name, bars}], where bars are [from_us, to_us, kind, text]; protocols: names; end_us;
// rows: [time_us, kind, device, receiver, protocol, text, flags, hex, details, count]
//   kind: p packet, o output, e event; device and receiver: indexes, or a text for what is none of ours.
//   flags: e empty, l lost, a again, t trouble. count: how many of the same, where it is not one.
const $ = id => document.getElementById(id);
const ROW = 20, LANE = 46, TOP = 22, ARROWS_AT_MOST = 160, FONT = "12px system-ui, sans-serif";
const COLOURS = {running: "--run", off: "--paper", advertising: "--adv", scanning: "--scan", link: "--link"};
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const nameOf = who => typeof who === "number" ? data.devices[who].name : who;
const seconds = us => (us / 1e6).toFixed(6);
let shown = [], chosen = -1, from = 0, to = 1;

// Filters
const off = new Set(["empty"]);
function choice(name, text) {
  const label = document.createElement("label"), box = document.createElement("input");
  box.type = "checkbox"; box.checked = !off.has(name);
  box.onchange = () => { box.checked ? off.delete(name) : off.add(name); filter(); };
  label.append(box, " " + text);
  $("filters").append(label);
}
function choices() {
  document.querySelectorAll("#filters label, #shown").forEach(each => each.remove());
  for (const protocol of data.protocols) choice("p" + protocol, protocol);
  choice("o", "output"); choice("empty", "empty packets");
  if (data.devices.length > 1) data.devices.forEach((device, index) => choice("d" + index, device.name));
  $("filters").append(Object.assign(document.createElement("span"), {id: "shown"}));
}
$("words").oninput = filter;

const words = () => $("words").value.toLowerCase().split(/\s+/).filter(Boolean);
function passes(row, words) {
  const [, kind, one, other, protocol, text, flags] = row;
  if (kind === "p" && (off.has("p" + protocol) || (flags.includes("e") && off.has("empty")))) return false;
  if (kind === "o" && off.has("o")) return false;
  if (off.has("d" + one) && (kind !== "p" || typeof other !== "number" || off.has("d" + other))) return false;
  const line = `${nameOf(one)} ${nameOf(other)} ${protocol} ${text}`.toLowerCase();
  return words.every(word => line.includes(word));
}
function filter() {
  const before = shown[chosen], wanted = words();
  shown = data.rows.filter(row => passes(row, wanted));
  chosen = shown.indexOf(before);
  told();
}
function told() {
  $("shown").textContent = `${shown.length} of ${data.rows.length} lines`;
  list(); draw();
}

// The list: only what is in sight has elements
function list() {
  const box = $("list"), first = Math.max(0, Math.floor(box.scrollTop / ROW) - 5);
  const last = Math.min(shown.length, first + Math.ceil(box.clientHeight / ROW) + 10);
  box.replaceChildren(Object.assign(document.createElement("div"), {style: `height: ${shown.length * ROW}px`}));
  for (let index = first; index < last; index++) box.append(element(index));
}
function element(index) {
  const [time, kind, one, other, protocol, text, flags, , , count = 1] = shown[index];
  const row = document.createElement("div");
  row.className = "row" + (index === chosen ? " chosen" : "") + (/[lt]/.test(flags) ? " bad" : "");
  row.style.top = index * ROW + "px";
  row.onclick = () => choose(index);
  const part = (name, words) => { const span = document.createElement("span"); span.className = name; span.textContent = words; row.append(span); };
  part("time", seconds(time).padStart(12) + "  ");
  if (kind === "p") {
    part("", nameOf(one) + (other === "" ? "" : " → " + nameOf(other)) + "  ");
    part(protocol, protocol + " "); part("", text);
    if (count > 1) part("time", `  ${count} times`);
    if (flags.includes("a")) part("time", "  again");
    if (flags.includes("l")) part("bad", "  LOST");
  } else { part("", nameOf(one) + (kind === "o" ? " | " : "  ")); row.append(Object.assign(document.createElement(kind === "e" ? "b" : "span"), {textContent: text})); }
  return row;
}
function choose(index, moves = true) {
  if (index < 0 || index >= shown.length) return;
  chosen = index;
  const row = shown[index], box = $("list");
  if (index * ROW < box.scrollTop || (index + 1) * ROW > box.scrollTop + box.clientHeight)
    box.scrollTop = index * ROW - box.clientHeight / 2;
  if (moves && (row[0] < from || row[0] > to)) { const half = (to - from) / 2; [from, to] = [row[0] - half, row[0] + half]; }
  list(); draw(); details(row);
}
function details([time, kind, one, other, protocol, text, flags, hex, more]) {
  const box = $("details"); box.replaceChildren();
  box.append(Object.assign(document.createElement("h2"), {textContent: text}));
  const table = document.createElement("table");
  const told = [["at", seconds(time) + " s"], [kind === "p" ? "from" : "device", nameOf(one)]];
  if (kind === "p") told.push(["to", other === "" ? "everybody" : nameOf(other)], ["protocol", protocol]);
  if (flags.includes("l")) told.push(["", "lost: its receiver has not got it"]);
  if (flags.includes("a")) told.push(["", "sent again, since it was not acknowledged"]);
  for (const [name, value] of told.concat(more || [])) {
    const line = table.insertRow(); line.insertCell().textContent = name; line.insertCell().textContent = value;
  }
  box.append(table);
  if (hex) box.append(Object.assign(document.createElement("pre"), {textContent: hex.replace(/(..)/g, "$1 ").replace(/((?:.. ){16})/g, "$1\n")}));
}
$("list").onscroll = list;
$("list").onkeydown = event => {
  const step = {ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20}[event.key];
  if (step) { event.preventDefault(); choose(Math.min(shown.length - 1, Math.max(0, chosen + step))); }
};

