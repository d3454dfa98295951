// What every part of the page does with elements: changes only what differs, so that
// what a person reads or has selected stays.

export const element = (id) => document.getElementById(id);

export function write(node, content) {
  if (node.textContent !== content) node.textContent = content;
}

export function put(id, content) {
  write(element(id), content);
}

export function show(id, visible) {
  if (element(id).hidden === visible) element(id).hidden = !visible;
}

export function text(tag, content, className) {
  const node = document.createElement(tag);
  node.textContent = content;
  if (className) node.className = className;
  return node;
}

export function withRole(tag, role, ...parts) {
  const node = document.createElement(tag);
  node.setAttribute("role", role);
  node.append(...parts);
  return node;
}
