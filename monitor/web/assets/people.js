// Everybody in one line, and those who serve a queue in a few words.

import { element, put, show, text, write } from "./dom.js";
import { count, duration, NONE, percent, stateWords } from "./words.js";

const LINE = ["available", "talking", "held", "wrap_up", "ringing", "away", "unknown"];
const BUSY = ["talking", "held", "wrap_up", "ringing"];
const HANDLING = ["talking", "held", "wrap_up"];

let longest = []; // what counts up: [element, instant]

// The line is made once; later only what differs is changed.
const parts = Object.fromEntries(LINE.map((state) => {
  const div = document.createElement("div");
  const [number, since, reasons] = ["strong", "small", "small"].map((t) => text(t, ""));
  const dd = document.createElement("dd");
  div.dataset.state = state;
  dd.append(number, since, reasons);
  div.append(text("dt", stateWords(state)), dd);
  return [state, { div, number, since, reasons }];
}));
element("states").prepend(...Object.values(parts).map(({ div }) => div));

export function drawPeople(people) {
  show("states", people !== null);
  show("nobody-known", people === null);
  longest = [];
  if (people === null) return;
  for (const [state, { div, number, since, reasons }] of Object.entries(parts)) {
    const many = people.states[state] ?? 0;
    write(number, count(many));
    div.classList.toggle("none", !many);
    const begun = people.longest_since[state];
    if (many && begun) longest.push([since, Date.parse(begun)]);
    else write(since, "");
    if (state === "away") write(reasons, many ? awayWords(people.away) : "");
  }
  const { today } = people.windows;
  put("occupancy", percent(today.occupancy_ratio));
  put("occupancy-parts", partsOf(today.handling_seconds, today.available_seconds));
}

export function tickPeople(asOf) {
  for (const [node, since] of longest) {
    write(node, `longest ${duration(Math.max(0, asOf - since) / 1000)}`);
  }
}

function awayWords(away) {
  const reasons = Object.entries(away).filter(([, many]) => many);
  if (reasons.every(([reason]) => !reason)) return "";
  reasons.sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
  return reasons.map(([reason, many]) => `${count(many)} ${reason || "no reason"}`)
    .join(", ");
}

// Handling, of handling and available: what an occupancy is made of.
export function partsOf(handling, available) {
  if (!(handling + available)) return "";
  return `${duration(handling)} of ${duration(handling + available)}`;
}

export function occupancyOf(work) {
  const handling = HANDLING.reduce((sum, state) => sum + work.seconds[state], 0);
  const { available, ringing } = work.seconds;
  return [percent(work.occupancy_ratio), partsOf(handling, available + ringing)];
}

// Who serves a queue: how many could take a contact, and what the others do.
export function serving(agents) {
  if (!agents) return [text("strong", NONE)];
  const busy = BUSY.reduce((sum, state) => sum + agents[state], 0);
  const words = [`${count(busy)}\u00a0busy`, `${count(agents.away)}\u00a0away`];
  if (agents.unknown) words.push(`${count(agents.unknown)}\u00a0unknown`);
  return [text("strong", count(agents.available)), text("small", words.join(", "))];
}
