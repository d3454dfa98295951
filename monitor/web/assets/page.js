// The page of the queues: asks once a second, and never lets an old number look alive.

import { tickAgents } from "./agents.js";
import { element, put, show, text, withRole } from "./dom.js";
import { drawPeople, serving, tickPeople } from "./people.js";
import { count, duration, inWords, NONE, percent, seconds, sentence } from "./words.js";

const EVERY_MS = 1000;
const GIVE_UP_MS = 3000;
const LOST_AFTER_MS = 4000;
const QUIET_AFTER_MS = 5 * 60000;
const BEHIND_AFTER_S = 5;
const WAIT = 2; // the column that counts up between answers

const columns = [...document.querySelectorAll("#queues thead th")].map((th) => th.textContent);

let last = null; // the newest answer, with the instants at which it was true
let rate = 1; // how fast the board's clock runs
let lost = null; // why there is no newer answer
let longest = []; // what counts up: [element, queued instant or null]

function cell(index, ...parts) {
  const value = document.createElement("span");
  value.append(...parts);
  const td = withRole("td", "cell", value);
  td.className = "n";
  td.dataset.label = columns[index];
  return td;
}

function head(name, channel, note) {
  // A name may be written from right to left.
  const small = text("small", note ? `${channel} · ${note}` : channel);
  const th = withRole("th", "rowheader", text("bdi", name), small);
  th.scope = "row";
  return th;
}

function row(...cells) {
  return withRole("tr", "row", ...cells);
}

function serviceLevel(level, target) {
  const parts = text("small", `${count(level.in_time)}\u00a0of\u00a0${count(level.counted)}, `
    + `target\u00a0${(100 * target.target_ratio).toFixed(0)}\u00a0%`);
  if (level.ratio === null) return cell(4, text("strong", NONE), parts);
  const met = level.ratio >= target.target_ratio;
  const goal = `${met ? "at or over" : "under"} the target of ${percent(target.target_ratio)}`;
  const td = cell(
    4,
    text("strong", `${met ? "▲" : "▼"}\u00a0${percent(level.ratio)}`),
    text("span", ` ${goal} `, "unseen"),
    parts,
  );
  td.classList.add(met ? "met" : "missed");
  td.title = `${goal}, within ${target.threshold_seconds} s, ${target.policy}`;
  return td;
}

function inProgress(queue) {
  const p = queue.phases;
  const phases = [
    [p.alerting, "ringing"],
    [p.talking, "talking"],
    [p.held, "on\u00a0hold"],
    [p.wrap_up, "wrap-up"],
  ].filter(([number]) => number);
  const words = phases.map(([number, phase]) => `${count(number)}\u00a0${phase}`).join(", ");
  return cell(10, text("strong", count(queue.in_progress)), text("small", words));
}

function queueRow(name, channel, queue, agents) {
  const today = queue.windows.today;
  const over = cell(3, text("strong", count(queue.waiting_over_threshold)));
  if (queue.waiting_over_threshold) over.classList.add("missed");
  const drift = cell(13, count(queue.drift));
  if (queue.drift) drift.classList.add("missed");
  return row(
    head(name, channel, ""),
    cell(1, text("strong", count(queue.waiting))),
    cell(WAIT, NONE),
    over,
    serviceLevel(today.service_level, queue.service_level),
    cell(5, seconds(today.speed_of_answer_seconds)),
    cell(6, percent(today.abandonment_ratio)),
    cell(7, count(today.offered)),
    cell(8, count(today.answered)),
    cell(9, count(today.abandoned)),
    inProgress(queue),
    cell(11, ...serving(agents)),
    cell(12, count(queue.agents_in_hand)),
    drift,
  );
}

function staleRow({ queue, channel }) {
  const cells = columns.slice(1).map((_, index) => cell(index + 1, NONE));
  const tr = row(head(queue, channel, "STALE: not known now"), ...cells);
  tr.className = "stale";
  return tr;
}

function draw(answer) {
  const rows = [];
  for (const [name, queue] of Object.entries(answer.queues)) {
    const channels = queue.by_channel ?? { [queue.channels[0]]: queue };
    for (const [channel, one] of Object.entries(channels)) {
      const since = one.oldest_waiting ? Date.parse(one.oldest_waiting) : null;
      // People serve a queue by whichever channel.
      rows.push({ name, channel, since, tr: queueRow(name, channel, one, queue.agents) });
    }
  }
  for (const one of answer.stale_queues) {
    rows.push({ name: one.queue, channel: one.channel, since: null, tr: staleRow(one) });
  }
  rows.sort((a, b) => a.name.localeCompare(b.name) || a.channel.localeCompare(b.channel));
  if (!rows.length) rows.push({ name: "", channel: "", since: null, tr: emptyRow() });
  longest = rows.map((one, index) => [place(one, index), one.since]);
  const body = element("rows");
  while (body.children.length > rows.length) body.lastChild.remove();
}

function emptyRow() {
  const td = cell(0, "No queue has been seen yet.");
  td.colSpan = columns.length;
  td.className = "";
  td.removeAttribute("data-label");
  return row(td);
}

// Puts a row at its place and changes only cells that differ, so that what a person
// reads or has selected stays. Returns the element that counts up, if there is one.
function place({ name, channel, tr }, index) {
  const body = element("rows");
  tr.dataset.key = JSON.stringify([name, channel]);
  let shown = body.children[index];
  const alike = shown && shown.dataset.key === tr.dataset.key
    && shown.className === tr.className && shown.children.length === tr.children.length;
  if (!alike) {
    if (shown) shown.replaceWith(tr);
    else body.append(tr);
    shown = tr;
  } else {
    [...tr.children].forEach((cell, column) => {
      const old = shown.children[column];
      if (column !== WAIT && !old.isEqualNode(cell)) old.replaceWith(cell);
    });
  }
  return shown.children[WAIT]?.firstChild;
}

// The board's clock now: it goes on at its own speed, but only until the next answer
// is due, so that a clock that stopped is seen to stand still.
function boardNow() {
  const passed = Math.min(performance.now() - last.heard, 2 * EVERY_MS);
  return last.now + passed * rate;
}

// How old the newest answer is, milliseconds: also when the machine slept, and when its
// clock was set back.
function ageNow() {
  return Math.max(Date.now() - last.wall, performance.now() - last.heard);
}

function tick() {
  const age = last ? ageNow() : 0;
  if (lost || age > LOST_AFTER_MS) {
    const why = lost ?? "The monitor doesn't answer";
    const old = last ? ` The last numbers are ${inWords(age / 1000)} old.` : "";
    if (!last || age > LOST_AFTER_MS) return cover("Disconnected", `${why}.${old}`);
  }
  if (!last) return;
  const { answer } = last;
  const known = Object.keys(answer.queues).length;
  const stale = new Set(answer.stale_queues.map((one) => one.queue)).size;
  if (!answer.ready && !known && !stale) return cover("Not ready", sentence(answer.reason));
  show("cover", false);
  element("board").classList.remove("covered");
  const told = problems(answer, known, stale);
  put("banner", told.map(({ words, more }) => words + more).join(". "));
  show("banner", told.length > 0);
  // For who can't see the page: only what is new, or it would talk all the time.
  put("said", told.map(({ words }) => words).join(". "));
  const now = boardNow();
  const asOf = isBehind(answer) ? Date.parse(answer.now) : now;
  for (const [target, since] of longest) {
    const wait = since === null ? NONE : duration(Math.max(0, asOf - since) / 1000);
    if (target && target.textContent !== wait) target.textContent = wait;
  }
  tickPeople(asOf);
  tickAgents(asOf);
  clock(now, answer);
}

function isBehind(answer) {
  return answer.behind_seconds > BEHIND_AFTER_S;
}

// What the banner must say above numbers that aren't wholly those of now; `more` is what
// changes with every answer.
function problems(answer, known, stale) {
  const told = [];
  if (isBehind(answer)) {
    const moment = new Date(answer.now).toLocaleTimeString(undefined, { timeStyle: "medium" });
    const ago = inWords(answer.behind_seconds);
    told.push({ words: "Behind", more: `: the numbers are as of ${moment}, ${ago} ago` });
  }
  if (!answer.ready) {
    const what = known ? "Not everything is known" : "Nothing is known now";
    told.push({ words: `${what}: ${answer.reason}`, more: "" });
  } else if (stale) {
    const of = `${count(stale)} of ${count(stale + known)} queues`;
    told.push({ words: `Stale, so not known now: ${of}`, more: "" });
  }
  return told;
}

function clock(now, answer) {
  const moment = new Date(now);
  put("clock", moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }));
  element("clock").dateTime = moment.toISOString();
  show("speed", rate > 1.5);
  put("speed", `at ${Math.round(rate)} times real time`);
  const quiet = answer.last_event ? now - Date.parse(answer.last_event) : null;
  put("freshness", quiet === null
    ? "No event yet"
    : `Last event ${inWords(Math.max(0, quiet) / 1000)} ago`);
  element("freshness").classList.toggle("old", quiet === null || quiet > QUIET_AFTER_MS);
}

function cover(title, why) {
  put("cover-title", title);
  put("cover-text", why);
  show("cover", true);
  show("banner", false);
  put("said", "");
  element("board").classList.add("covered");
  put("clock", NONE);
  show("speed", false);
  put("freshness", "");
}

// How fast the board's clock runs, from two answers: far apart enough to be exact.
function pace(now, heard) {
  const passed = heard - last.heard;
  const moved = now - last.now;
  if (moved < 0 || passed < EVERY_MS / 2 || passed > 4 * EVERY_MS) return rate;
  const measured = moved / passed;
  const jumped = measured > 2 * rate + 1 || measured < rate / 2;
  return jumped ? measured : 0.7 * rate + 0.3 * measured;
}

async function ask() {
  try {
    const response = await fetch("api/v1/queues?windows=today", {
      cache: "no-store",
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if (!response.ok) throw new Error(`the monitor answered ${response.status}`);
    const answer = await response.json();
    const now = Date.parse(answer.clock);
    const heard = performance.now();
    if (last) rate = pace(now, heard);
    last = { answer, now, heard, wall: Date.now() };
    lost = null;
    draw(answer);
    drawPeople(answer.people);
  } catch (error) {
    lost = error instanceof TypeError ? "The monitor doesn't answer"
      : error.name === "TimeoutError" ? "The monitor takes too long to answer"
      : `Something is wrong: ${error.message}`;
  }
  tick();
  setTimeout(ask, EVERY_MS);
}

setInterval(tick, 250);
document.addEventListener("visibilitychange", tick); // timers of hidden pages are slow
ask();
