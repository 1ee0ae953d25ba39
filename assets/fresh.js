// A tab that was opened before a release says so and comes anew, and what was typed survives any reload.
(() => {
  const root = document.documentElement;
  const mine = root.dataset.build; // none under `make dev`
  const fieldKinds = "input, textarea, select";
  const typedIn = new Set();
  let isInUse = false;

  const isChoice = (field) => field.type === "checkbox" || field.type === "radio";
  const keyOf = (field) => field.id || (field.type === "radio" ? `${field.name}=${field.value}` : field.name);
  const hasText = (field) =>
    field.isConnected && (isChoice(field) ? field.form && field.checked !== field.defaultChecked : field.value !== "");
  const typed = () => [...typedIn].filter(hasText);

  // Passwords, codes and letters of a picture are never written anywhere, a shown password neither.
  const isSecret = (field) =>
    "secret" in field.dataset || field.type === "password" || /password|one-time-code|^cc-/.test(field.autocomplete);

  const use = ({ key }) => {
    if (!["Alt", "Control", "Meta", "Shift"].includes(key)) isInUse = true;
  };
  addEventListener("pointerdown", use, true);
  addEventListener("keydown", use, true);
  let lastTyped; // the fields of a page that is turned away go before the page does
  addEventListener("input", ({ target }) => {
    if (!target.matches?.(fieldKinds)) return;
    typedIn.add(target);
    lastTyped = whatIsTyped();
  }, true);

  const whatIsTyped = () => {
    const fields = typed().filter((field) => keyOf(field) && !isSecret(field));
    const here = document.activeElement;
    return {
      path: location.pathname,
      values: Object.fromEntries(fields.map((field) => [keyOf(field), isChoice(field) ? field.checked : field.value])),
      focused: here?.matches(fieldKinds) ? keyOf(here) : "",
    };
  };
  addEventListener("pagehide", () => {
    const kept = whatIsTyped();
    if (Object.keys(kept.values).length) sessionStorage.setItem("typed", JSON.stringify(kept));
  });

  // The session has ended: what was typed waits until the same subscriber is back on this page.
  addEventListener("cabinet:turned-away", () => {
    const { owner } = root.dataset;
    if (!owner || lastTyped?.path !== location.pathname || !Object.keys(lastTyped.values).length) return;
    sessionStorage.setItem("kept", JSON.stringify({ ...lastTyped, owner }));
  });

  const putBack = (field, value) => {
    const name = isChoice(field) ? "checked" : "value";
    // The prototype's own setter and the event that follows it: React must not take the value for its own.
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), name).set.call(field, value);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const takeKept = () => {
    const kept = JSON.parse(sessionStorage.getItem("typed") ?? "{}");
    sessionStorage.removeItem("typed");
    const isReload = performance.getEntriesByType("navigation")[0]?.type === "reload";
    return isReload && kept.path === location.pathname ? kept : { values: {} };
  };
  const restore = ({ values, focused }) => {
    for (const field of document.querySelectorAll(fieldKinds)) {
      const key = keyOf(field);
      if (typedIn.has(field) || !Object.hasOwn(values, key) || isSecret(field)) continue;
      putBack(field, values[key]);
      if (key === focused && document.activeElement === document.body) field.focus({ preventScroll: true });
    }
  };
  // A page of React draws its fields when its data are there, and perhaps once more: until somebody uses it.
  const restoreAll = (kept) => {
    if (!Object.keys(kept.values).length) return;
    isInUse = false;
    restore(kept);
    const watch = new MutationObserver(() => (isInUse ? watch.disconnect() : restore(kept)));
    watch.observe(document.body, { childList: true, subtree: true });
    setTimeout(() => watch.disconnect(), 15000);
  };
  // A server that has started anew knows nothing of this tab, and its page begins from the start.
  addEventListener("cabinet:connected", () => restoreAll(whatIsTyped()));

  const isStatic = "static" in root.dataset;
  const noteTyped = () => {
    for (const field of document.querySelectorAll("input, textarea"))
      if (!isChoice(field) && field.value !== field.defaultValue) typedIn.add(field);
  };
  const waiting = JSON.parse(sessionStorage.getItem("kept") ?? "{}");
  if (!isStatic) sessionStorage.removeItem("kept"); // on the way in it waits
  const giveBack = () => {
    if (waiting.path === location.pathname && waiting.owner === root.dataset.owner) restoreAll(waiting);
  };
  if (!isStatic && waiting.owner) {
    if (root.dataset.owner) giveBack();
    else addEventListener("cabinet:owner", giveBack, { once: true });
  }

  const start = () => {
    noteTyped(); // before this script had come
    const kept = takeKept();
    if (isStatic || "alive" in root.dataset) restoreAll(kept);
    else addEventListener("cabinet:alive", () => restoreAll(kept), { once: true });
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();

  if (!mine) return;

  const answerOf = (response) => (response.ok ? response.json() : {});
  const look = async (mayReload) => {
    const { build } = await fetch("/version.json", { cache: "no-store" }).then(answerOf).catch(() => ({}));
    if (!build) return;
    root.toggleAttribute("data-stale", build !== mine);
    // Once for each build: where two of them answer in turn, a reload could bring the old page back for ever.
    if (build === mine || sessionStorage.getItem("reloaded") === build) return;
    if (!mayReload()) return;
    sessionStorage.setItem("reloaded", build);
    location.reload();
  };

  // Back before the eyes: nothing is lost by a reload if nobody has typed, pressed or opened anything.
  let lastLook = Date.now();
  const come = () => {
    if (document.hidden || Date.now() - lastLook < 1000) return;
    lastLook = Date.now();
    isInUse = false;
    look(() => !isInUse && !document.hidden && !typed().length && !document.querySelector("dialog[open]"));
  };
  document.addEventListener("visibilitychange", come);
  addEventListener("focus", come);
  addEventListener("pageshow", ({ persisted }) => persisted && come());
  // The socket or the network is back: perhaps another build has answered.
  const ask = () => look(() => false);
  addEventListener("cabinet:connected", ask);
  addEventListener("online", ask);

  // A part of the old build that is gone: such a page cannot live, so it waits for nobody.
  const mend = () => look(() => true);
  if (!isStatic) {
    const isPart = (address) => typeof address === "string" && address.includes("/assets/");
    addEventListener("error", ({ target: { src, href } }) => isPart(src || href) && mend(), true);
    addEventListener("unhandledrejection", ({ reason }) => /module/i.test(reason?.message) && mend());
    // What failed before this script had come; and what cannot be seen from here.
    const loaded = performance.getEntriesByType("resource");
    if (loaded.some(({ name, responseStatus }) => isPart(name) && responseStatus >= 400)) mend();
    else setTimeout(() => "alive" in root.dataset || mend(), 8000);
  }

  addEventListener("click", (event) => {
    const isLink = event.target.closest?.("a[href]");
    if (event.target.closest?.("[data-reload]")) location.reload();
    // In a stale tab a link opens its page anew: the script that would draw it is gone.
    else if (isLink && !isStatic && "stale" in root.dataset) event.stopPropagation();
  }, true);
})();
