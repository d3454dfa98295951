// Numbers, durations and reasons in words for a person.

export const NONE = "–";

function two(number) {
  return String(number).padStart(2, "0");
}

export function duration(seconds) {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function inWords(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function seconds(value) {
  return value === null ? NONE : `${value.toFixed(value < 100 ? 1 : 0)}\u00a0s`;
}

export function percent(value) {
  return value === null ? NONE : `${(100 * value).toFixed(1)}\u00a0%`;
}

export function count(value) {
  return value.toLocaleString();
}

export function sentence(words) {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

const STATES = new Map([["held", "on hold"], ["wrap_up", "wrap-up"], ["logged_out", "logged out"]]);

export function stateWords(state) {
  return STATES.get(state) ?? state;
}
