// The timeline
const canvas = $("timeline"), pen = canvas.getContext("2d");
let LEFT = 40;
function roomForNames() {
  pen.font = FONT;
  const widest = Math.max(0, ...data.devices.map(device => pen.measureText(device.name).width));
  LEFT = Math.min(260, canvas.clientWidth * 0.3, 40 + widest);
}
// A text, or as much of it as there is room for.
function fitting(text, room) {
  if (pen.measureText(text).width <= room) return text;
  let most = text.length;
  while (most > 1 && pen.measureText(text.slice(0, most) + "…").width > room) most--;
  return text.slice(0, most) + "…";
}
const width = () => canvas.clientWidth - LEFT - 16;
const x = us => LEFT + (us - from) / (to - from) * width();
const us = px => from + (px - LEFT) / width() * (to - from);
const y = who => TOP + who * LANE + LANE / 2;
const lowerBound = time => { let a = 0, b = shown.length; while (a < b) { const m = (a + b) >> 1; shown[m][0] < time ? a = m + 1 : b = m; } return a; };

function draw() {
  roomForNames();
  const scale = window.devicePixelRatio || 1, high = TOP + data.devices.length * LANE + 6;
  canvas.style.height = high + "px";
  canvas.width = canvas.clientWidth * scale; canvas.height = high * scale;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.font = FONT; pen.textBaseline = "middle";
  axis(high);
  pen.save(); pen.beginPath(); pen.rect(LEFT, 0, width() + 16, high); pen.clip();
  data.devices.forEach(bars);
  marks();
  pen.restore();
  pen.fillStyle = css("--ink");
  data.devices.forEach((device, index) => pen.fillText(fitting(device.name, LEFT - 24), 16, y(index)));
}
function axis(high) {
  const rough = (to - from) / Math.max(2, width() / 130), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(each => each * power).find(each => each >= rough);
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    pen.strokeStyle = css("--line"); pen.beginPath(); pen.moveTo(x(at), 16); pen.lineTo(x(at), high); pen.stroke();
    pen.fillStyle = css("--dim"); pen.fillText(+(at / 1e6).toFixed(6) + " s", x(at) + 3, 9);
  }
}
function bars(device, index) {
  for (const [begin, end, kind, text] of device.bars) {
    if (end < from || begin > to) continue;
    const left = Math.max(LEFT - 2, x(begin)), wide = Math.max(1.5, Math.min(x(end), LEFT + width() + 16) - left);
    const tall = kind === "running" ? 26 : 8, up = kind === "running" ? -13 : kind === "link" ? 5 : -13;
    pen.fillStyle = css(COLOURS[kind]); pen.fillRect(left, y(index) + up, wide, tall);
    if (kind === "link" && wide > 60) { pen.fillStyle = css("--dim"); pen.fillText(fitting(text, wide), left + 2, y(index) + 19); }
  }
}
function marks() {
  const first = lowerBound(from), last = lowerBound(to + 1), few = last - first <= ARROWS_AT_MOST;
  for (let index = first; index < last; index++) if (index !== chosen) mark(shown[index], few, false);
  if (chosen >= first && chosen < last) mark(shown[chosen], few, true);
}
function mark([time, kind, one, other, protocol, text, flags], few, isChosen) {
  if (typeof one !== "number") return;
  const at = x(time), bad = /[lt]/.test(flags);
  pen.strokeStyle = pen.fillStyle = css(bad ? "--bad" : kind === "p" ? {ATT: "--att", SMP: "--smp"}[protocol] || "--ll" : "--ink");
  pen.lineWidth = isChosen ? 3 : 1;
  pen.beginPath();
  if (kind !== "p") { pen.arc(at, y(one), kind === "e" || isChosen ? 5 : 3, 0, 7); pen.fill(); return; }
  if (few && typeof other === "number") {
    const end = flags.includes("l") ? (y(one) + y(other)) / 2 : y(other), way = Math.sign(y(other) - y(one));
    pen.moveTo(at, y(one)); pen.lineTo(at, end); pen.moveTo(at - 3, end - 5 * way); pen.lineTo(at, end); pen.lineTo(at + 3, end - 5 * way);
  } else { pen.moveTo(at, y(one) - 5); pen.lineTo(at, y(one) + 5); }
  pen.stroke();
  if (isChosen) {
    const label = `${protocol} ${text}`.slice(0, 80), wide = pen.measureText(label).width + 8;
    const left = at > LEFT + width() / 2 ? at - wide - 4 : at + 4;
    const top = y(one) + (typeof other === "number" && other < one ? -28 : 12), ink = pen.fillStyle;
    pen.fillStyle = css("--chosen"); pen.fillRect(left, top, wide, 16);
    pen.fillStyle = ink; pen.fillText(label, left + 4, top + 8);
  }
}
function view(begin, end) {
  const least = 20, all = data.end_us || 1, wide = Math.min(Math.max(end - begin, least), all * 1.1);
  from = Math.max(-all * 0.05, Math.min(begin, all * 1.05 - wide)); to = from + wide; draw();
}
canvas.onwheel = event => {
  event.preventDefault();
  const centre = us(event.offsetX), by = Math.exp(event.deltaY * 0.0015);
  view(centre - (centre - from) * by, centre + (to - centre) * by);
};
let drag = null;
canvas.onpointerdown = event => { drag = {x: event.offsetX, from, to, moved: false}; canvas.setPointerCapture(event.pointerId); };
canvas.onpointermove = event => {
  if (!drag) return;
  const by = (event.offsetX - drag.x) / width() * (drag.to - drag.from);
  if (Math.abs(event.offsetX - drag.x) > 3) drag.moved = true;
  if (drag.moved) view(drag.from - by, drag.to - by);
};
canvas.onpointerup = event => {
  const was = drag; drag = null;
  if (was && !was.moved && shown.length) nearest(event.offsetX, event.offsetY);
};
canvas.ondblclick = all;
function nearest(px, py) {
  const time = us(px), lane = Math.floor((py - TOP) / LANE), near = lowerBound(time);
  let best = -1, far = Infinity;
  for (let index = Math.max(0, near - 50); index < Math.min(shown.length, near + 50); index++) {
    const away = Math.abs(x(shown[index][0]) - px) + (shown[index][2] === lane ? 0 : 8);
    if (away < far) [best, far] = [index, away];
  }
  choose(best, false);
}
function all() { view(-data.end_us * 0.02, data.end_us * 1.02); }
for (const [kind, colour] of Object.entries({running: "--run", advertising: "--adv", scanning: "--scan", link: "--link"})) {
  const swatch = document.createElement("i"); swatch.style.background = `var(${colour})`;
  $("legend").append(swatch, kind);
}
window.onresize = () => { list(); draw(); };
matchMedia("(prefers-color-scheme: dark)").onchange = draw;
