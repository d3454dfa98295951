// The board of agents: one row each, who needs a look first. Asks only while it is open.

import { element, put, show, text, withRole, write } from "./dom.js";
import { occupancyOf } from "./people.js";
import { count, duration, NONE, stateWords } from "./words.js";

const EVERY_MS = 2000;
const GIVE_UP_MS = 5000;
const LOST_AFTER_MS = 8000;
const MOST = 500; // rows; more are found by name
const ORDER = [ // of states: within each, who has been in it longest comes first
  ["away", "unknown", "wrap_up"], ["held"], ["talking"], ["ringing"], ["available"],
  ["logged_out"],
];
const place = new Map(ORDER.flatMap((states, at) => states.map((state) => [state, at])));
const names = new Intl.Collator(undefined, { numeric: true });
const columns = [...document.querySelectorAll("#team thead th")].map((th) => th.textContent);

const board = element("agents");
const shown = new Map(); // agent's id -> its row

let answer = null; // the newest one
let heard = 0;
let why = ""; // there is no newer one
let asking = null; // ends the asking
let now = 0; // the instant for which times hold

function makeRow(id) {
  const head = withRole("th", "rowheader", text("bdi", id));
  head.scope = "row";
  const cells = columns.slice(1).map((label) => {
    const value = document.createElement("span");
    const td = withRole("td", "cell", value);
    td.dataset.label = label;
    return { td, value };
  });
  for (const at of [1, 4, 5]) cells[at].td.className = "n";
  const [state, time, reason, queues, handled] = cells.map(({ value }) => value);
  const [ratio, parts] = [text("strong", ""), text("small", "")];
  cells[5].value.append(ratio, parts);
  const tr = withRole("tr", "row", head, ...cells.map(({ td }) => td));
  return { tr, state, time, reason, queues, handled, ratio, parts, since: null };
}

function fill(row, { agent, since }) {
  row.since = since;
  if (row.tr.dataset.state !== agent.state) row.tr.dataset.state = agent.state;
  write(row.state, stateWords(agent.state));
  write(row.reason, agent.reason || NONE);
  row.reason.parentNode.classList.toggle("empty", !agent.reason);
  write(row.queues, agent.queues.join(", ") || NONE);
  write(row.handled, count(agent.today.handled));
  const [ratio, parts] = occupancyOf(agent.today);
  write(row.ratio, ratio);
  write(row.parts, parts);
}

function order(a, b) {
  return place.get(a.agent.state) - place.get(b.agent.state)
    || (a.since ?? Infinity) - (b.since ?? Infinity) || names.compare(a.id, b.id) || 0;
}

function isMeant({ id, agent }, words) {
  return [id, ...agent.queues].some((name) => name.toLowerCase().includes(words));
}

function draw() {
  const all = Object.entries(answer.agents).map(([id, agent]) => (
    { id, agent, since: agent.since ? Date.parse(agent.since) : null }));
  const words = element("find").value.trim().toLowerCase();
  const meant = words ? all.filter((one) => isMeant(one, words)) : all;
  const wanted = meant.sort(order).slice(0, MOST);
  const ids = new Set(wanted.map(({ id }) => id));
  for (const [id, { tr }] of shown) {
    if (!ids.has(id)) {
      tr.remove();
      shown.delete(id);
    }
  }
  const body = element("team-rows");
  let next = body.firstElementChild;
  for (const one of wanted) {
    if (!shown.has(one.id)) shown.set(one.id, makeRow(one.id));
    const row = shown.get(one.id);
    fill(row, one);
    if (row.tr !== next && row.tr === next?.nextElementSibling) {
      next.remove(); // who went down comes in again further down
      next = row.tr;
    }
    if (row.tr === next) next = next.nextElementSibling;
    else body.insertBefore(row.tr, next);
  }
  writeTimes();
  put("team-count", `(${count(all.length)})`);
  put("team-note", note(all.length, meant.length, wanted.length));
}

// Which of all agents these are.
function note(held, meant, rows) {
  const told = [];
  const { people } = answer;
  const everybody = people && Object.values(people.states).reduce((a, b) => a + b, 0);
  if (people === null) {
    told.push("Agents of this worker only: others may be with other workers.");
  } else if (held < everybody) {
    told.push(`Agents of this worker: ${count(held)} of ${count(everybody)}.`);
  }
  if (!held) told.push("No agent is known here.");
  else if (!meant) told.push("None is found.");
  else if (rows < meant) told.push(`The first ${count(rows)} of ${count(meant)} are shown.`);
  return told.join(" ");
}

function forget(because) {
  answer = null;
  for (const { tr } of shown.values()) tr.remove();
  shown.clear();
  put("team-count", "");
  put("team-note", because);
  show("team", false);
}

async function ask(mine) {
  try {
    const response = await fetch("api/v1/agents", {
      cache: "no-store",
      signal: AbortSignal.any([mine.signal, AbortSignal.timeout(GIVE_UP_MS)]),
    });
    if (!response.ok) throw new Error(`the monitor answered ${response.status}`);
    const found = await response.json();
    if (mine !== asking) return;
    answer = found;
    heard = performance.now();
    draw();
    show("team", shown.size > 0);
  } catch (error) {
    why = error instanceof TypeError ? "the monitor doesn't answer"
      : error.name === "TimeoutError" ? "the monitor takes too long to answer"
      : error.message;
  }
  if (mine === asking) mine.timer = setTimeout(() => ask(mine), EVERY_MS);
}

// Starts and ends the asking: nobody asks for a board that can't be seen.
function attend() {
  const wanted = board.open && !document.hidden;
  if (wanted === (asking !== null)) return;
  if (wanted) {
    asking = new AbortController();
    heard = performance.now();
    if (!answer) forget("Waiting for the agents.");
    ask(asking);
  } else {
    clearTimeout(asking.timer);
    asking.abort();
    asking = null;
    if (!board.open) forget("");
  }
}

// Times in state at the instant `asOf`; what is too old is taken away.
export function tickAgents(asOf) {
  now = asOf;
  if (!asking) return;
  if (performance.now() - heard > LOST_AFTER_MS) {
    forget(`The agents aren't known now: ${why || "no answer came"}.`);
  }
  writeTimes();
}

function writeTimes() {
  for (const { time, since } of shown.values()) {
    write(time, since === null ? NONE : duration(Math.max(0, now - since) / 1000));
  }
}

element("find").addEventListener("input", () => {
  if (!answer) return;
  draw();
  show("team", shown.size > 0);
});
board.addEventListener("toggle", attend);
document.addEventListener("visibilitychange", attend);
if (location.hash === "#agents") board.open = true;
