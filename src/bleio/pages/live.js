// The stream of news, the clock and its controls, and what of all that is on display.
const MOST_ROWS = 6000, MOST_BARS = 300, DRAW_EVERY_MS = 100;
let socket = null, held = false, dirty = false, drawn = 0, missed = 0, leftOut = 0, state = {}, refusal = "", asked = new URL("stream", location.href);
asked.search = location.search; asked.protocol = "ws:";

function connect() {
  socket = new WebSocket(asked);
  socket.onmessage = message => take(JSON.parse(message.data));
  socket.onclose = () => { socket = null; status(); setTimeout(connect, 2000); };
}
function ask(what) { if (socket && socket.readyState === 1) socket.send(JSON.stringify(what)); }

function take(news) {
  if (news.kind === "refused") { refusal = news.text; wishes.clear(); status(); return; }
  if (news.kind === "all") begin(news);
  data.end_us = Math.max(1, news.now_us);
  state = {...state, ...news.state};
  leftOut = news.kind === "all" ? news.left_out : leftOut + news.left_out;
  const names = news.devices.map(hasChanged);  // of all, before one names another
  for (const device of news.devices) setBars(data.devices[device.id]);
  for (const level of news.levels) levels.set(`${level[0]} ${level[1]}`, level);
  extendBars();
  addRows(news.rows);
  if (news.log.length) { log(news.log); refusal = ""; }
  if (names.some(Boolean)) { choices(); if (!viewed) fit(); }
  if (news.kind === "all") { choices(); filter(); if (!viewed) fit(); }
  if (news.flights) takeOff(news.flights);
  if (news.devices.length || news.levels.length) arrange();
  $("clock").textContent = `${(news.now_us / 1e6).toFixed(3)} s`;
  dirty = true;
  if (performance.now() - drawn >= DRAW_EVERY_MS) show(); else setTimeout(show, DRAW_EVERY_MS);
}
function begin(news) {
  about = news.about; missed += news.missed;
  $("title").textContent = document.title = about.title;
  $("controls").hidden = about.kind !== "world";
  $("nobody").textContent = about.kind === "world" ? "" : `Nobody is here yet. Programs join with BLEIO_ADAPTER=${about.adapter}`;
  data.rows.length = shown.length = 0; chosen = -1; wishes.clear();
}
// Returns: whether the list of names has changed.
function hasChanged(device) {
  const before = data.devices[device.id], isNew = !before || (before.gone && !device.gone);
  while (data.devices.length < device.id) data.devices.push(nobody(data.devices.length));
  if (before && before.gone && !device.gone) for (const row of data.rows)  // what was there is the former one's
    for (const place of [2, 3]) if (row[place] === device.id) row[place] = before.name;
  if (isNew) wishes.delete(device.id); else keepWish(device);
  data.devices[device.id] = {...device, gone: Boolean(device.gone), bars: isNew ? [] : before.bars, open: isNew ? {} : before.open, aside: null};
  return isNew || before.name !== device.name;
}
const nobody = id => ({id, name: "", about: "", x: 0, y: 0, states: {}, power: "off", gone: true, bars: [], open: {}});
function setBars(device) {
  for (const name of Object.keys(device.open)) if (device.states[name] !== device.open[name][0]) { device.open[name][1] = data.end_us; delete device.open[name]; }
  for (const [name, since] of Object.entries(device.states)) if (!device.open[name]) {
    const [kind, other] = name.split(" ");
    const bar = [since, data.end_us, kind, other === undefined ? "" : `link with ${nameOf(+other)}`];
    device.open[name] = bar; device.bars.push(bar);
  }
  if (device.bars.length > MOST_BARS) device.bars.splice(0, device.bars.length - MOST_BARS);
}
function extendBars() { for (const device of data.devices) for (const bar of Object.values(device.open)) bar[1] = data.end_us; }

function addRows(rows) {
  const wanted = words();
  let found = false;
  for (const row of rows) {
    data.rows.push(row);
    if (row[4] && !data.protocols.includes(row[4])) { data.protocols.push(row[4]); data.protocols.sort(); found = true; }
    if (passes(row, wanted)) shown.push(row);
  }
  if (found) choices();
  const over = data.rows.length - MOST_ROWS;
  if (over > (held ? MOST_ROWS : 500)) {  // what is on display stays, if it can
    data.rows.splice(0, over);
    const before = shown[chosen];
    shown = data.rows.filter(row => passes(row, wanted)); chosen = shown.indexOf(before);
  }
}
function show() {
  if (!dirty) return;
  dirty = false; drawn = performance.now();
  status(); panel();
  $("nobody").hidden = there().length > 0;
  if (held) return;
  const span = $("span").value * 1e6;
  to = Math.max(data.end_us, span) + span * 0.02; from = to - span * 1.02;
  $("list").scrollTop = shown.length * ROW;
  told();
  $("list").scrollTop = shown.length * ROW;
}
function hold(on) {
  held = on;
  $("follow").textContent = held ? "Go on" : "Hold"; $("follow").setAttribute("aria-pressed", String(!held));
  dirty = true; show(); if (!held) told();
}
function status() {
  const said = [];
  if (!socket) said.push("The command has ended, or cannot be reached");
  else if (state.ended) said.push(state.ended);
  else if (state.paused) said.push("paused");
  else if (state.behind) said.push("this machine is too slow for that speed");
  if (refusal) said.push(refusal);
  if (state.hidden) said.push(`${state.hidden} more devices are not shown`);
  if (missed) said.push(`this browser was too slow for ${missed} lines`);
  if (leftOut || notDrawn) said.push(`${leftOut} lines counted only, ${notDrawn} not drawn`);
  if (held) said.push("display held");
  $("status").textContent = said.join(" · ");
  $("status").className = !socket || refusal || state.failed ? "bad" : "";
  $("pause").textContent = state.paused ? "Go on" : "Pause";
  for (const each of $("controls").querySelectorAll("button, select, input")) each.disabled = Boolean(state.ended) || !socket;
  const speed = state.speed === null ? "" : String(state.speed ?? 1);
  if (document.activeElement !== $("speed")) $("speed").value = speed;
}
$("pause").onclick = () => ask({do: "pause", paused: !state.paused});
$("speed").onchange = () => { ask({do: "speed", times: $("speed").value === "" ? null : +$("speed").value}); $("speed").blur(); };
document.querySelectorAll("[data-step]").forEach(each => each.onclick = () =>
  ask({do: "step", to: each.dataset.step, ...(each.dataset.step === "ms" ? {ms: +$("ms").value} : {})}));
$("follow").onclick = () => hold(!held);
$("span").onchange = () => hold(false);
canvas.addEventListener("wheel", () => hold(true), {capture: true});
canvas.addEventListener("pointerdown", () => hold(true), {capture: true});
$("list").addEventListener("pointerdown", () => hold(true), {capture: true});
$("list").addEventListener("wheel", () => hold(true), {capture: true, passive: true});
window.onresize = () => { list(); draw(); };
new ResizeObserver(() => viewed ? arrange() : fit()).observe(plane);
choices(); hold(false); connect();
