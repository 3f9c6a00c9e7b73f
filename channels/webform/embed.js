// The form in the place of this script's tag. It lives in a shadow root with a sheet of its own, so that neither the site's
// style nor its policy for inline style is touched; a policy must allow this origin in script-src and connect-src.
(() => {
  const given = "{{ form }}";
  const tag =
    document.currentScript ??
    [...document.querySelectorAll("script[src]")].reverse().find((one) => new URL(one.src).pathname.endsWith(given.path));
  if (!tag) return;
  const action = new URL(given.action + new URL(tag.src).search, tag.src);

  const host = document.createElement("div");
  host.lang = given.language;
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(given.style);
  root.adoptedStyleSheets = [sheet];
  root.innerHTML = given.html;
  const form = root.querySelector("form");
  form.before(element("h2", given.title), element("p", given.intro, "intro"));
  hide("page", location.href);
  hide("referrer", document.referrer);
  form.addEventListener("submit", send);

  if (document.body?.contains(tag)) tag.after(host);
  else addEventListener("DOMContentLoaded", () => document.body.append(host));

  async function send(event) {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    root.querySelector("#alarm")?.remove();
    try {
      // Multipart is what a page may send across origins without asking first; the answer is read by CORS.
      const answer = await fetch(action, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
        credentials: "omit",
      });
      if (answer.ok) thank();
      else warn((await codeOf(answer)) === "consent_required" ? given.consent : (given.troubles[answer.status] ?? given.refused));
    } catch {
      warn(given.troubles[0]);
    } finally {
      button.disabled = false;
    }
  }

  async function codeOf(answer) {
    try {
      return (await answer.json()).error.code;
    } catch {
      return null;
    }
  }

  function thank() {
    const [title, next] = given.thanks;
    const heading = element("h2", title);
    heading.tabIndex = -1;
    root.replaceChildren(heading, element("p", next));
    heading.focus();
  }

  function warn(text) {
    const alarm = element("p", text, "alarm");
    alarm.id = "alarm";
    alarm.setAttribute("role", "alert");
    form.querySelector("button").before(alarm);
  }

  function hide(name, value) {
    if (!value) return;
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }

  function element(name, text, kind) {
    const made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }
})();
