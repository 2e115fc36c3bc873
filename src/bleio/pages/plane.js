// The plane: devices at their places, in metres, links, and packets as they fly.
// A device of `data.devices` has also: id, x, y, placed, states, power, about, gone.
const plane = $("plane"), sky = $("sky"), air = sky.getContext("2d");
const KINDS = {ADV: "--adv", LL: "--ll", L2CAP: "--ll", ATT: "--att", SMP: "--smp"};
const FLIGHT_MS = 450, MOST_FLYING = 150, MANY = 16, LEAST_M = 4;
const dots = new Map(), levels = new Map(), flying = [];
let centre = {x: 0, y: 0}, scale = 10, selected = -1, hovered = -1, dragged = null, notDrawn = 0, about = {};
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const there = () => data.devices.filter(device => device && !device.gone);
const px = device => plane.clientWidth / 2 + (device.x - centre.x) * scale + (device.aside ? device.aside[0] : 0);
const py = device => plane.clientHeight / 2 - (device.y - centre.y) * scale + (device.aside ? device.aside[1] : 0);
const levelOf = (one, other) => levels.get(one < other ? `${one} ${other}` : `${other} ${one}`);
const metres = m => m === null ? "" : `${m < 10 ? m.toFixed(1) : Math.round(m)} m`;
const dbm = level => !level || level[2] === null ? "not heard" : `${level[2]} dBm`;

function fit() {
  const all = there();
  if (!all.length) return;
  const xs = all.map(each => each.x), ys = all.map(each => each.y);
  const wide = Math.max(LEAST_M, Math.max(...xs) - Math.min(...xs)), high = Math.max(LEAST_M, Math.max(...ys) - Math.min(...ys));
  centre = {x: (Math.max(...xs) + Math.min(...xs)) / 2, y: (Math.max(...ys) + Math.min(...ys)) / 2};
  const [beside, above] = all.length > MANY ? [130, 90] : [190, 120];  // for names, and what lies over it
  scale = Math.max(0.01, Math.min((plane.clientWidth - beside) / wide, (plane.clientHeight - above) / high));
  arrange();
}
let viewed = false;  // somebody has chosen what is in sight
function zoom(by) {
  viewed = Boolean(by);
  if (!by) return fit();
  scale = Math.min(400, Math.max(0.01, scale * by));
  arrange();
}

// Devices at one place are drawn around it.
function spread() {
  const spots = new Map();
  for (const device of there()) {
    const spot = `${device.x.toFixed(2)} ${device.y.toFixed(2)}`;
    spots.set(spot, [...(spots.get(spot) || []), device]);
  }
  for (const group of spots.values()) group.forEach((device, index) => {
    const turn = 2 * Math.PI * index / group.length, far = 14 + 7 * group.length;
    device.aside = group.length > 1 ? [far * Math.cos(turn), far * Math.sin(turn)] : null;
  });
}
function arrange() {
  const all = there();
  plane.classList.toggle("many", all.length > MANY);
  spread();
  for (const [id, dot] of dots) if (!all.some(each => each.id === id)) { dot.remove(); dots.delete(id); }
  const named = [];
  for (const device of all) {
    const dot = dots.get(device.id) || newDot(device.id), states = Object.keys(device.states);
    dot.className = ["device", ...states.map(each => each.split(" ")[0]), device.power === "on" ? "" : "off",
      device.power === "failed" ? "failed" : "", device.id === selected ? "chosen" : ""].filter(Boolean).join(" ");
    dot.style.left = px(device) + "px"; dot.style.top = py(device) + "px";
    dot.lastChild.textContent = all.length > MANY && device.id !== selected && device.id !== hovered ? short(device.name) : device.name;
    const half = Math.min(90, 8 + device.name.length * 3.6);  // a name that would cover another goes above
    const covers = named.some(([x, y, far]) => Math.abs(px(device) - x) < half + far && Math.abs(py(device) - y) < 18);
    dot.classList.toggle("above", covers && all.length <= MANY);
    if (!covers) named.push([px(device), py(device), half]);
    dot.title = `${device.name}\n${device.about}\n${device.x.toFixed(1)}, ${device.y.toFixed(1)} m`;
    dot.setAttribute("aria-label", `${device.name}, at ${device.x.toFixed(1)} and ${device.y.toFixed(1)} metres, ${wordsOf(device)}`);
    dot.setAttribute("aria-pressed", device.id === selected);
  }
  drawSky();
}
// Of many, names are often the same at their beginnings.
const short = name => [...name].length <= 7 ? name : [...name].slice(0, 3).join("") + "…" + [...name].slice(-3).join("");
function hover(id) { hovered = id; if (there().length > MANY) arrange(); else drawSky(); }
function wordsOf(device) {
  const said = {on: "", off: "off", ended: "has ended", failed: "has failed", silent: "radio off"}[device.power] || "";
  const states = Object.keys(device.states).filter(each => each !== "running").map(each =>
    each.startsWith("link ") ? `link with ${nameOf(+each.slice(5))}` : each);
  return [said, ...states].filter(Boolean).join(", ") || "quiet";
}
function newDot(id) {
  const dot = document.createElement("button");
  dot.dataset.id = id;
  dot.append(document.createElement("i"), document.createElement("span"));
  dot.onpointerdown = event => { dragged = {id, moved: false, x: event.clientX, y: event.clientY}; dot.setPointerCapture(event.pointerId); };
  dot.onpointermove = event => dragged && dragged.id === id && dragTo(event);
  dot.onpointerup = dot.onpointercancel = () => drop(id);
  dot.onclick = event => { if (event.detail === 0) select(id); };  // by keyboard; a mouse has been let go
  dot.onkeydown = event => nudge(event, id);
  dot.onpointerenter = dot.onfocus = () => hover(id);
  dot.onpointerleave = dot.onblur = () => hover(-1);
  dots.set(id, dot);
  plane.append(dot);
  return dot;
}
function dragTo(event) {
  if (Math.hypot(event.clientX - dragged.x, event.clientY - dragged.y) > 3) dragged.moved = true;
  if (!dragged.moved) return;
  viewed = true;
  const box = plane.getBoundingClientRect();
  const inside = (value, most) => Math.min(most - 8, Math.max(8, value));
  const left = inside(event.clientX - box.left, box.width), top = inside(event.clientY - box.top, box.height);
  move(dragged.id, centre.x + (left - box.width / 2) / scale, centre.y - (top - box.height / 2) / scale);
}
function drop(id) {
  const was = dragged; dragged = null;
  if (!was) return;
  if (was.moved) sendMove(id); else select(id === selected ? -1 : id);
}
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
function nudge(event, id) {
  const way = ARROWS[event.key];
  if (!way) return;
  event.preventDefault();
  const by = event.shiftKey ? 10 : 1, device = data.devices[id];
  move(id, device.x + way[0] * by, device.y + way[1] * by);
  if (px(device) < 20 || py(device) < 20 || px(device) > plane.clientWidth - 20 || py(device) > plane.clientHeight - 20) fit();
}
const waitingMoves = new Map();
// Where devices were put, until the radio has said so. What it says meanwhile is older: it would draw
// a device back, and the next key would begin there.
const wishes = new Map(), WISH_MS = 5000;
function move(id, x, y) {
  const device = data.devices[id], within = m => +Math.max(-9999, Math.min(9999, m)).toFixed(3);
  [device.x, device.y] = [within(x), within(y)];
  wishes.set(id, {x: device.x, y: device.y, since: performance.now()});
  if (!waitingMoves.has(id)) waitingMoves.set(id, setTimeout(() => sendMove(id), 50));
  arrange(); panel();
}
function sendMove(id) {
  clearTimeout(waitingMoves.get(id)); waitingMoves.delete(id);
  const {x, y} = data.devices[id];
  ask({do: "move", device: id, x, y});
}
function keepWish(device) {
  const wish = wishes.get(device.id);
  if (!wish) return;
  const isDone = device.x === wish.x && device.y === wish.y;
  if (isDone || performance.now() - wish.since > WISH_MS) wishes.delete(device.id);
  else [device.x, device.y] = [wish.x, wish.y];
}
function select(id) { selected = id; arrange(); panel(); }

// What is behind the devices
function drawSky() {
  const dense = window.devicePixelRatio || 1, wide = plane.clientWidth, high = plane.clientHeight;
  if (sky.width !== Math.round(wide * dense) || sky.height !== Math.round(high * dense)) { sky.width = Math.round(wide * dense); sky.height = Math.round(high * dense); }
  air.setTransform(dense, 0, 0, dense, 0, 0);
  air.clearRect(0, 0, wide, high);
  air.font = FONT; air.textBaseline = "middle"; air.textAlign = "center";
  grid(wide, high);
  const one = data.devices[hovered >= 0 ? hovered : selected];
  const pairs = [];
  if (one && !one.gone) { range(one); for (const other of there()) if (other !== one) pairs.push([one, other, false]); }
  for (const device of there()) for (const state of Object.keys(device.states)) {
    const other = state.startsWith("link ") && data.devices[+state.slice(5)];
    if (other && !other.gone && (device.id < other.id || !(`link ${device.id}` in other.states))) pairs.push([device, other, true]);
  }
  pairs.forEach(each => line(...each));
  const taken = names();
  pairs.reverse().forEach(each => label(...each, taken));  // those of links first
  const now = performance.now();
  for (const flight of flying) fly(flight, (now - flight.start) / FLIGHT_MS);
}
function grid(wide, high) {
  const step = niceStep(90 / scale);
  air.strokeStyle = css("--line"); air.lineWidth = 1; air.globalAlpha = 0.6; air.beginPath();
  const left = centre.x - wide / 2 / scale, bottom = centre.y - high / 2 / scale;
  for (let m = Math.ceil(left / step) * step; (m - left) * scale < wide; m += step) { const at = Math.round((m - left) * scale) + 0.5; air.moveTo(at, 0); air.lineTo(at, high); }
  for (let m = Math.ceil(bottom / step) * step; (m - bottom) * scale < high; m += step) { const at = Math.round(high - (m - bottom) * scale) + 0.5; air.moveTo(0, at); air.lineTo(wide, at); }
  air.stroke(); air.globalAlpha = 1;
  const bar = step * scale;
  air.fillStyle = css("--paper"); air.fillRect(8, high - 34, bar + 12, 30);
  air.strokeStyle = air.fillStyle = css("--ink"); air.lineWidth = 2;
  air.beginPath(); air.moveTo(14, high - 16); air.lineTo(14, high - 10); air.lineTo(14 + bar, high - 10); air.lineTo(14 + bar, high - 16); air.stroke();
  air.fillText(`${+step.toPrecision(2)} m`, 14 + bar / 2, high - 24);
}
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(each => each * power).find(each => each >= rough * 0.999);
}
function range(device) {
  if (!about.exponent) return;
  const far = 10 ** ((-about.sensitivity_dbm - about.reference_loss_db) / (10 * about.exponent));
  air.strokeStyle = css("--dim"); air.lineWidth = 1; air.setLineDash([2, 5]);
  air.beginPath(); air.arc(px(device), py(device), far * scale, 0, 7); air.stroke(); air.setLineDash([]);
}
function line(one, other, linked) {
  const [x1, y1, x2, y2] = [px(one), py(one), px(other), py(other)];
  air.strokeStyle = css(linked ? "--link" : "--dim"); air.lineWidth = linked ? 3 : 1;
  air.setLineDash(linked ? [] : [4, 4]); air.globalAlpha = linked ? 1 : 0.6;
  air.beginPath(); air.moveTo(x1, y1); air.lineTo(x2, y2); air.stroke();
  air.setLineDash([]); air.globalAlpha = 1;
}
// What labels must not cover, as [middle, middle, width]: devices and their names.
function names() {
  return there().flatMap(device => {
    const isAbove = dots.get(device.id)?.classList.contains("above"), wide = Math.min(180, air.measureText(device.name).width * 1.1 + 8);
    return [[px(device), py(device), 26], [px(device), py(device) + (isAbove ? -21 : 21), wide]];
  });
}
function label(one, other, linked, taken) {
  const level = levelOf(one.id, other.id), [x1, y1, x2, y2] = [px(one), py(one), px(other), py(other)];
  if (there().length > MANY || Math.hypot(x2 - x1, y2 - y1) < 90) return;
  const text = dbm(level) + (level && level[3] !== null ? `, ${metres(level[3])}` : ""), wide = air.measureText(text).width + 8;
  const place = [0.5, 0.4, 0.6, 0.3, 0.7].map(part => [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part]).find(
    ([x, y]) => !taken.some(([left, top, far]) => Math.abs(x - left) < (wide + far) / 2 && Math.abs(y - top) < 16));
  if (!place) return;
  const [x, y] = place;
  taken.push([x, y, wide]);
  air.fillStyle = css("--paper"); air.fillRect(x - wide / 2, y - 8, wide, 16);
  air.fillStyle = css(linked ? "--link" : "--dim"); air.fillText(text, x, y);
}

// Packets on their way. At high rates some are drawn, and the rest is counted.
function takeOff(flights) {
  const start = performance.now();
  for (const [from, to, kind, lost, count] of flights) {
    if (document.hidden || flying.length >= MOST_FLYING) { notDrawn += count; continue; }
    flying.push({from, to, kind, lost, count, start: start + (flying.length % 5) * 20});
  }
  if (flying.length) requestAnimationFrame(animate);
}
let animating = false;
function animate() {
  if (animating) return;
  animating = true;
  requestAnimationFrame(function frame() {
    const now = performance.now();
    for (let index = flying.length - 1; index >= 0; index--) if (now - flying[index].start > FLIGHT_MS) flying.splice(index, 1);
    drawSky();
    if (flying.length) requestAnimationFrame(frame); else animating = false;
  });
}
function fly({from, to, kind, lost, count}, part) {
  const one = data.devices[from], other = to === null ? null : data.devices[to];
  if (part < 0 || !one || one.gone) return;
  const colour = css(KINDS[kind] || "--ink"), [x1, y1] = [px(one), py(one)];
  if (!other) {  // to everybody
    air.globalAlpha = 1 - part; air.strokeStyle = css(lost ? "--bad" : KINDS[kind] || "--ink"); air.lineWidth = 2;
    air.beginPath(); air.arc(x1, y1, 14 + 26 * (calm.matches ? 0.3 : part), 0, 7); air.stroke(); air.globalAlpha = 1;
    return;
  }
  const way = calm.matches ? (lost ? 0.6 : 0.85) : Math.min(part, lost ? 0.6 : 1);
  const x = x1 + (px(other) - x1) * way, y = y1 + (py(other) - y1) * way;
  air.fillStyle = colour; air.strokeStyle = css("--bad");
  if (lost && (part > 0.6 || calm.matches)) {
    air.lineWidth = 3; air.beginPath(); air.moveTo(x - 6, y - 6); air.lineTo(x + 6, y + 6); air.moveTo(x + 6, y - 6); air.lineTo(x - 6, y + 6); air.stroke();
  } else { air.beginPath(); air.arc(x, y, 5, 0, 7); air.fill(); if (lost) { air.lineWidth = 2; air.stroke(); } }
  if (count > 2) { air.fillStyle = css("--ink"); air.fillText(`×${count}`, x + 16, y - 8); }
}
for (const [name, colour] of Object.entries({advertising: "--adv", "link layer": "--ll", ATT: "--att", SMP: "--smp", lost: "--bad"})) {
  const swatch = document.createElement("i"); swatch.style.background = `var(${colour})`;
  $("colours").append(swatch, name);
}
document.querySelectorAll("[data-zoom]").forEach(each => each.onclick = () => zoom(+each.dataset.zoom));
plane.onwheel = event => { event.preventDefault(); zoom(Math.exp(-event.deltaY * 0.0015)); };
sky.onpointerdown = event => { panned = {x: event.clientX, y: event.clientY, at: {...centre}, moved: false}; sky.setPointerCapture(event.pointerId); };
let panned = null;
sky.onpointermove = event => {
  if (!panned) return;
  if (Math.hypot(event.clientX - panned.x, event.clientY - panned.y) > 3) panned.moved = true;
  viewed = true;
  centre = {x: panned.at.x - (event.clientX - panned.x) / scale, y: panned.at.y + (event.clientY - panned.y) / scale};
  arrange();
};
sky.onpointerup = () => { if (panned && !panned.moved) select(-1); panned = null; };
