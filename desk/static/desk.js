// Keeps an open page true: when the server says that something changed, the page is fetched again and the difference is put
// in place, so that focus, scroll, open details and half-filled forms stay. Without this script every form still works.

const link = document.getElementById("link");
const units = JSON.parse(link.dataset.units);
const CALM = 250; // milliseconds between two fetches, however much happens
const LOOK = 30_000; // shifts end and channels fall silent without an event
const AGAIN = 3_000;

let source = null;
let fetching = false;
let wanted = false;
let last = 0;
let skew = skewOf(document);

// --- the connection ---

function connect() {
  if (source !== null) source.close();
  source = new EventSource(link.dataset.events);
  source.onopen = () => say("live", false);
  source.onmessage = refresh;
  source.addEventListener("reset", refresh);
  source.onerror = () => {
    say("lost", true);
    if (source.readyState === EventSource.CLOSED) setTimeout(retry, AGAIN);
  };
}

// A browser does not reconnect after a refusal; the page itself tells what the matter is.
async function retry() {
  if (document.hidden) return;
  await refresh();
  if (link.dataset.state !== "over") connect();
}

function disconnect() {
  if (source !== null) source.close();
  source = null;
}

function say(state, lost) {
  if (link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = link.dataset[state];
  link.classList.toggle("lost", lost);
}

// --- fetching and putting in place ---

async function refresh() {
  wanted = true;
  if (fetching) return;
  fetching = true;
  while (wanted) {
    await sleep(last + CALM - performance.now());
    wanted = false;
    last = performance.now();
    try {
      await show(await fetch(location.pathname, { headers: { Accept: "text/html" } }), false);
    } catch {
      say("lost", true);
    }
  }
  fetching = false;
}

async function show(response, answered) {
  if (response.status === 401) {
    disconnect();
    say("over", true);
    return;
  }
  // A page that is gone, or a server in trouble, is no reason to take away what is there.
  if (!answered && !response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const main = page.getElementById("main");
  if (main === null || page.getElementById("link") === null) {
    location.assign(response.url);
    return;
  }
  if (answered && response.redirected && new URL(response.url).pathname !== location.pathname) {
    location.assign(response.url);
    return;
  }
  if (source !== null && source.readyState === EventSource.OPEN) say("live", false);
  skew = skewOf(page);
  const held = document.activeElement;
  const place = placeOf(held);
  morph(document.getElementById("main"), main);
  if (answered) morph(document.getElementById("said"), page.getElementById("said"));
  document.title = page.title;
  tick();
  // What was moved has lost the keyboard, and what is gone leaves it to the heading of its section.
  if (place !== null && document.activeElement !== held) (held.isConnected ? held : place).focus({ preventScroll: true });
}

function placeOf(element) {
  return element?.closest("main section")?.querySelector("h2[tabindex]") ?? null;
}

// Change `there` into `wanted` with as little as possible. Children belong together by key, by id, or by place.
function morph(there, wanted) {
  if (there.isEqualNode(wanted)) return;
  for (const { name } of [...there.attributes]) if (!wanted.hasAttribute(name) && !kept(there, name)) there.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (there.getAttribute(name) !== value) there.setAttribute(name, value);
  if (there.matches("select, input:not([type=hidden])")) return; // somebody may be choosing
  if (there instanceof HTMLInputElement) there.value = wanted.value;
  const keyed = new Map();
  for (const child of there.children) if (keyOf(child) !== null) keyed.set(keyOf(child), child);
  let next = there.firstChild;
  for (const child of [...wanted.childNodes]) {
    const key = child.nodeType === Node.ELEMENT_NODE ? keyOf(child) : null;
    const match = key !== null ? keyed.get(key) : alike(next, child) ? next : null;
    if (match) {
      if (match === next) next = next.nextSibling;
      else there.insertBefore(match, next);
      if (match.nodeType === Node.ELEMENT_NODE) morph(match, child);
      else if (match.data !== child.data) match.data = child.data;
    } else {
      there.insertBefore(document.importNode(child, true), next);
    }
  }
  while (next !== null) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function keyOf(element) {
  return element.dataset?.key ?? (element.id || null);
}

function alike(one, other) {
  if (one === null || one.nodeType !== other.nodeType || one.nodeName !== other.nodeName) return false;
  return one.nodeType !== Node.ELEMENT_NODE || keyOf(one) === null;
}

function kept(element, name) {
  return (name === "open" && element.matches("details")) || name === "aria-busy";
}

// --- forms ---

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-swap")) return;
  event.preventDefault();
  const button = event.submitter;
  if (button?.getAttribute("aria-busy") === "true") return;
  button?.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(new FormData(form));
    await show(await fetch(location.pathname, { method: "POST", body }), true);
  } catch {
    say("lost", true);
  } finally {
    button?.removeAttribute("aria-busy");
  }
});

// --- time ---

function skewOf(page) {
  return Date.parse(page.getElementById("main").dataset.now) - Date.now();
}

function tick() {
  const now = Date.now() + skew;
  for (const element of document.querySelectorAll("time[data-age]")) {
    const text = age((now - Date.parse(element.dateTime)) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}

function age(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return units.now;
  if (minutes < 60) return `${minutes} ${units.minute}`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} ${units.day}`;
  return minutes % 60 ? `${hours} ${units.hour} ${minutes % 60} ${units.minute}` : `${hours} ${units.hour}`;
}

function sleep(milliseconds) {
  return new Promise((done) => setTimeout(done, Math.max(milliseconds, 0)));
}

// A browser has six connections to a host: only a page that is looked at holds one.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (link.dataset.state !== "over") connect();
});
setInterval(tick, 10_000);
setInterval(() => document.hidden || link.dataset.state === "over" || refresh(), LOOK);
if (!document.hidden) connect();
