// Beside the plane: the chosen device, what can be broken, and what was done.
const entries = new Map();
function panel() {
  const device = data.devices[selected], box = $("device-more");
  if (!device || device.gone) {
    $("device-name").textContent = "No device is chosen";
    $("device-about").textContent = "Click a device to see what it hears, and to break something.";
    box.hidden = true;
    return;
  }
  box.hidden = false;
  $("device-name").textContent = device.name;
  $("device-about").textContent = `${device.about}${device.about ? " · " : ""}${wordsOf(device)} · at ${device.x.toFixed(1)}, ${device.y.toFixed(1)} m`;
  const isOff = device.power === "off" || device.power === "silent", gone = device.power === "ended" || device.power === "failed";
  $("power").textContent = about.kind === "radio" ? (isOff ? "Radio on" : "Radio off") : isOff ? "Power on" : "Power off";
  for (const id of ["lose", "break", "power"]) $(id).disabled = gone || (isOff && id !== "power");
  hears(device);
  prints(device);
}
function hears(device) {
  const body = $("levels").tBodies[0];
  body.replaceChildren();
  for (const other of there()) {
    const level = other === device ? null : levelOf(device.id, other.id);
    if (!level) continue;
    const row = body.insertRow();
    row.dataset.other = other.id;
    [other.name, dbm(level), metres(level[3]) || "usual loss"].forEach(text => row.insertCell().textContent = text);
    row.cells[0].title = other.name;
    if (level[3] === null) row.cells[2].title = "Neither has been moved, so distance does not count between them";
  }
}
function prints(device) {
  const box = $("output"), lines = [];
  for (let index = data.rows.length - 1; index >= 0 && lines.length < 100; index--)
    if (data.rows[index][1] === "o" && data.rows[index][2] === device.id) lines.unshift(data.rows[index][5]);
  const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
  box.hidden = about.kind !== "world";
  const text = lines.join("\n") || "(its program has printed nothing yet)";
  if (box.textContent !== text) { box.textContent = text; if (atEnd) box.scrollTop = box.scrollHeight; }
}
const CHANNELS = {all: [0, 39], advertising: [37, 39], data: [0, 36]};
const numbers = (first, last) => Array.from({length: last - first + 1}, (_, index) => first + index);
$("lose").onclick = () => ask({do: "lose", device: selected, packets: Math.round(+$("packets").value)});
$("break").onclick = () => ask({do: "links", device: selected});
$("power").onclick = () => ask({do: "power", device: selected, on: ["off", "silent"].includes(data.devices[selected].power)});
$("jam").onclick = () => {
  const which = $("channels").value, [first, last] = CHANNELS[which] || [+which, +which];
  ask({do: "jam", seconds: +$("seconds").value, channels: numbers(first, last)});
};
function log(changed) {
  for (const entry of changed) entries.set(entry.id, entry);
  while (entries.size > 200) entries.delete(entries.keys().next().value);
  $("nothing").hidden = entries.size > 0;
  $("entries").replaceChildren(...[...entries.values()].reverse().slice(0, 60).map(entry => {
    const line = document.createElement("li"), text = document.createElement("span");
    text.textContent = `${(entry.time_us / 1e6).toFixed(3)} s  ${entry.text}`;
    line.className = entry.undone ? "undone" : ""; line.dataset.id = entry.id;
    line.append(text);
    if (entry.undo) {
      const button = document.createElement("button");
      button.textContent = "Undo"; button.setAttribute("aria-label", `Undo: ${entry.text}`);
      button.onclick = () => { button.disabled = true; ask({do: "undo", entry: entry.id}); };
      line.append(button);
    }
    return line;
  }));
}
