// The part of the kit that must be JavaScript: the language of the page, the connection, modal windows.
import { createElement, useContext, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import { DispatchContext } from "$/utils/context-registry";

const year = 365 * 24 * 3600;
let english = false;

if (typeof document !== "undefined") {
  const remember = (language) => {
    document.cookie = `lang=${language}; path=/; max-age=${year}; samesite=lax`;
  };
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "ru" || asked === "en") remember(asked);
  english = /(^|; )lang=en/.test(document.cookie);
  if (english) document.documentElement.lang = "en";
  // Links to ?lang=… work by themselves; a reload keeps what has been typed.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-lang]");
    if (!link) return;
    event.preventDefault();
    remember(link.dataset.lang);
    if (asked) location.replace(location.pathname);
    else location.reload();
  });
}

const never = () => () => {};

/** Whether the reader chose English. Prerendered pages are Russian, so the first render is too. */
export const useEnglish = () => useSyncExternalStore(never, () => english, () => false);

const network = (notify) => {
  addEventListener("online", notify);
  addEventListener("offline", notify);
  return () => {
    removeEventListener("online", notify);
    removeEventListener("offline", notify);
  };
};

if (typeof document !== "undefined") {
  // A socket of a network that has gone looks open for minutes. Reflex closes its socket when the page is left, and
  // opens it when the page is looked at: so tell it so.
  addEventListener("offline", () => dispatchEvent(new Event("beforeunload")));
  const lookAgain = () => document.dispatchEvent(new Event("visibilitychange"));
  addEventListener("online", lookAgain);
  addEventListener("click", (event) => {
    if (event.target.closest?.("[data-retry]")) lookAgain();
    // A page that is not here yet cannot come: the one with the last data stays.
    if (!("offline" in document.documentElement.dataset) || !event.target.closest?.("a[href]")) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
}

const backFor = 7000;
let wasLost = false; // not a ref: Reflex makes several components of what asks, and each has refs of its own
let forgetting;
let lastErrors;
let connections = -1; // the first render comes before any connection

/** "lost" while there is no network or no server, "back" for a moment after that, else "". `errors` are Reflex's: a new
 * list at each connection. Tells `fresh.js` of connections. */
export const useConnection = (errors) => {
  const isOnline = useSyncExternalStore(network, () => navigator.onLine, () => true);
  const isLost = !isOnline || errors.length > 0;
  if (isLost) wasLost = true;
  useEffect(() => {
    document.documentElement.dataset.alive = "";
    dispatchEvent(new Event("cabinet:alive"));
  }, []);
  useEffect(() => {
    document.documentElement.toggleAttribute("data-offline", isLost);
    clearTimeout(forgetting);
    if (!isLost && wasLost) forgetting = setTimeout(() => (wasLost = false), backFor);
  }, [isLost]);
  useEffect(() => {
    if (errors === lastErrors) return;
    lastErrors = errors;
    if (!errors.length && ++connections > 1) dispatchEvent(new Event("cabinet:connected"));
  }, [errors]);
  return isLost ? "lost" : wasLost ? "back" : "";
};

/** Whose page it is, once that is known: `fresh.js` gives back what was typed to nobody else. */
export const Owner = ({ number }) => {
  useEffect(() => {
    if (!number) return;
    document.documentElement.dataset.owner = number;
    dispatchEvent(new Event("cabinet:owner"));
  }, [number]);
  return null;
};

/** A native modal dialog: the browser traps the focus, closes on Esc and gives the focus back. */
export const Sheet = ({ open, answer, onDismiss, children, ...rest }) => {
  const dialog = useRef(null);
  useEffect(() => {
    for (const busy of dialog.current.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
  }, [open, answer]);
  useEffect(() => {
    const element = dialog.current;
    if (open && !element.open) {
      element.showModal();
      element.querySelector("h2")?.focus();
    } else if (!open && element.open) element.close();
  }, [open]);
  const close = (event) => {
    const onBackdrop = event.target === dialog.current;
    if (onBackdrop || event.target.closest("[data-dismiss]")) dialog.current.close();
    // What asks anew makes what is shown out of date: nothing can be done by it any more.
    const busy = event.target.closest("[data-asks]") ? dialog.current.querySelectorAll("[data-act]") : [];
    for (const act of [event.target.closest("[data-act]"), ...busy]) act?.setAttribute("aria-busy", "true");
  };
  return createElement("dialog", { ref: dialog, className: "sheet", onClose: onDismiss, onClick: close, ...rest },
    createElement("div", { className: "p-5" }, children));
};

const beforePaint = typeof document === "undefined" ? useEffect : useLayoutEffect;

/** Shows what came in the document (`ui/first_figures.py`) once: right after React has taken the page over. */
export const FirstFigures = () => {
  const dispatch = useContext(DispatchContext);
  beforePaint(() => {
    const figures = document.getElementById("first-figures");
    if (!figures) return;
    for (const [state, delta] of Object.entries(JSON.parse(figures.textContent))) dispatch[state]?.(delta);
    figures.remove();
  }, []);
  return null;
};

let leftFocus = ""; // a switch whose row moves to another list is another element there

/** Shows at once what was asked for, and the truth when the answer is there: then `answer` is another number. */
export const Switch = ({ on, answer, onTurn, ...rest }) => {
  const input = useRef(null);
  const [asked, setAsked] = useState(null);
  useEffect(() => setAsked(null), [on, answer]);
  useLayoutEffect(() => {
    const element = input.current;
    if (leftFocus && leftFocus === element.id) element.focus();
    leftFocus = "";
    return () => {
      if (document.activeElement === element) leftFocus = element.id;
    };
  }, []);
  const turn = () => {
    if (asked !== null) return;
    setAsked(!on);
    onTurn();
  };
  return createElement("input", { ref: input, type: "checkbox", role: "switch", className: "switch",
    checked: asked ?? on, "aria-busy": asked !== null, onChange: turn, ...rest });
};

// Leaving a field may change what stands above the button that is being pressed, and so move it away from the pointer
// before it is let go: the press is still the button's, unless the pointer itself was drawn away.
if (typeof document !== "undefined") {
  let from;
  document.addEventListener("pointerdown", (event) => {
    const button = event.button === 0 && event.target.closest?.("button");
    from = button && { button, x: event.clientX, y: event.clientY };
    if (button) button.setPointerCapture(event.pointerId);
  }, true);
  document.addEventListener("pointermove", (event) => {
    if (!from?.button.hasPointerCapture(event.pointerId)) return;
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > 12) from.button.releasePointerCapture(event.pointerId);
  }, true);
}

let usedAt = Date.now();
if (typeof document !== "undefined")
  for (const kind of ["pointerdown", "pointermove", "keydown"])
    addEventListener(kind, () => (usedAt = Date.now()), { capture: true, passive: true });

/** Asks for newer figures when the page is looked at again or the network is back; with `seconds` also that often,
 * `whileInUse` not longer than five minutes after the last move of a person. */
export const Refresher = ({ seconds, whileInUse, onRefresh }) => {
  const refresh = useRef(onRefresh);
  refresh.current = onRefresh;
  useEffect(() => {
    let last = Date.now();
    const call = () => {
      if (document.hidden || !navigator.onLine) return;
      last = Date.now();
      refresh.current();
    };
    // Looking again and being online again often come together.
    const back = () => Date.now() - last > 2000 && call();
    const again = () => (!whileInUse || Date.now() - usedAt < 300_000) && call();
    const timer = seconds && setInterval(again, seconds * 1000);
    document.addEventListener("visibilitychange", back);
    addEventListener("online", back);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", back);
      removeEventListener("online", back);
    };
  }, [seconds, whileInUse]);
  return null;
};

/** Pages of one list that arrive one by one, as one list. The server keeps and sends only the newest: page 1 begins the
 * list anew, the page after the last one is added, any other is of a list that is no longer shown. */
export const useRows = (page) => {
  const shown = useRef({ number: 0, rows: [] });
  const { last, number, rows } = shown.current;
  if (page !== last) {
    if (page.number === 1) shown.current = { last: page, number: 1, rows: page.rows };
    else if (page.number === number + 1 && page.statement === last?.statement)
      shown.current = { last: page, number: page.number, rows: [...rows, ...page.rows] };
  }
  return shown.current.rows;
};

let picks = { of: "", steps: {} }; // of the screen alone: a slider waits for nobody
const watchers = new Set();
const watch = (notify) => {
  watchers.add(notify);
  return () => watchers.delete(notify);
};

/** Another step of a setting; everything that shows its price follows. */
export const pick = (of, setting, step) => {
  picks = { of, steps: { ...(picks.of === of && picks.steps), [setting]: step } };
  for (const notify of watchers) notify();
};

/** Kopecks as `formats.money` writes them. */
const money = (kopecks) => {
  const roubles = String(Math.floor(kopecks / 100)).replace(/\B(?=(\d{3})+$)/g, english ? "," : "\u202f");
  const rest = kopecks % 100 && (english ? "." : ",") + String(kopecks % 100).padStart(2, "0");
  return `${roubles}${rest || ""}\u202f₽`;
};

/** What is picked of these settings, and its price: see `kit.priced`. */
export const usePriced = (of) => {
  const now = useSyncExternalStore(watch, () => picks, () => picks);
  useEffect(() => {
    if (picks.of !== of.key) picks = { of: of.key, steps: {} }; // what was picked is done, and does not come back
  }, [of.key]);
  const picked = (now.of === of.key && now.steps) || {};
  const steps = {}, chosen = {}, hints = [];
  let total = of.base_kopecks, changed = false;
  for (const setting of of.settings) {
    const number = picked[setting.code] ?? setting.step;
    const step = setting.steps[number];
    steps[setting.code] = { number, name: step.name, fill: `${(100 * number) / setting.last}%` };
    chosen[setting.code] = step.code;
    total += step.kopecks;
    changed ||= number !== setting.step;
    if (step.hint) hints.push(step.hint);
  }
  const off = ({ percent, kopecks }) => (percent ? Math.ceil((total * percent) / 100) : Math.min(kopecks, total));
  total -= Math.max(0, ...of.discounts.map(off));
  const difference = total - of.present_kopecks;
  const words = difference < 0 ? of.less : difference > 0 ? of.more : of.same;
  return {
    steps, chosen, hints, changed, trend: Math.sign(difference),
    total: money(total), difference: words.replace("{sum}", money(Math.abs(difference))),
  };
};

// A control that changes something further down shows it, where it is out of sight.
if (typeof document !== "undefined")
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-shows]")?.dataset.shows;
    const element = target && document.getElementById(target);
    if (element && element.getBoundingClientRect().top > innerHeight - 160) element.scrollIntoView();
  });

const drawn = (paths, size) =>
  createElement("svg", { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 2, "aria-hidden": true,
    strokeLinecap: "round", strokeLinejoin: "round", className: `${size} shrink-0`,
    dangerouslySetInnerHTML: { __html: paths } });
const sized = (bytes) => {
  const mega = bytes >= 2 ** 20;
  const tenths = Math.floor((bytes * 10) / 2 ** (mega ? 20 : 10));
  const rest = tenths % 10 ? `${english ? "." : ","}${tenths % 10}` : "";
  return `${Math.floor(tenths / 10)}${rest}\u202f${mega ? (english ? "MB" : "МБ") : english ? "KB" : "КБ"}`;
};

/** Files that go to the server as soon as they are picked, each by itself; the form takes their numbers along. What is
 * refused says why and holds nothing up, what was lost on the way can be sent again. `answer` is another number when the
 * form's event is answered: its button is free again; `kept` is another one when the form is done with these files. */
export const FilePicker = ({ id, name, url, most, bytes, words, icons, answer, kept, children }) => {
  const [files, setFiles] = useState([]);
  const place = useRef(null);
  const numbers = useRef(0);
  const known = useRef([]);
  known.current = files;
  const change = (key, more) => setFiles((all) => all.map((one) => (one.key === key ? { ...one, ...more } : one)));
  const form = () => place.current?.closest("form");
  useEffect(() => setFiles([]), [kept]);
  useEffect(() => form()?.querySelector("[type=submit]")?.removeAttribute("aria-busy"), [answer, kept]);
  useEffect(() => {
    const hold = (event) => {
      if (event.target !== form()) return;
      const isBusy = form().querySelector("[type=submit]")?.getAttribute("aria-busy") === "true";
      if (isBusy || known.current.some((one) => one.state === "sending")) {
        event.preventDefault();
        event.stopPropagation();
      } else form().querySelector("[type=submit]")?.setAttribute("aria-busy", "true");
    };
    document.addEventListener("submit", hold, true);
    return () => document.removeEventListener("submit", hold, true);
  }, []);
  const send = (key, file) => {
    const request = new XMLHttpRequest();
    change(key, { state: "sending", part: 0, request });
    request.open("POST", `${url}?${new URLSearchParams({ name: file.name })}`);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => change(key, { part: Math.floor((100 * loaded) / total) });
    request.onerror = () => change(key, { state: "lost" });
    request.onload = () => {
      const told = request.response ?? {};
      if (request.status === 200) change(key, { state: "here", number: told.id, size: told.size });
      else change(key, told.error ? { state: "refused", why: told.error } : { state: "lost" });
    };
    request.send(file);
  };
  const add = (event) => {
    const free = most - known.current.filter((one) => one.state !== "refused").length;
    const picked = [...event.target.files].map((file, index) => ({ file, key: ++numbers.current, name: file.name,
      size: file.size, state: "waiting", ...(index >= free && { state: "refused", why: words.many }) }));
    event.target.value = "";
    for (const one of picked)
      if (one.state === "waiting" && one.size > bytes)
        Object.assign(one, { state: "refused", why: words.large.replace("{size}", sized(one.size)) });
    setFiles((all) => [...all, ...picked]);
    for (const one of picked) if (one.state === "waiting") setTimeout(() => send(one.key, one.file));
  };
  const remove = (one) => {
    one.request?.abort();
    setFiles((all) => all.filter((other) => other.key !== one.key));
    place.current?.querySelector("input[type=file]")?.focus();
  };
  const second = (one) => {
    if (one.state === "refused") return one.why;
    if (one.state === "lost") return words.lost;
    return one.state === "sending" ? `${words.sending} ${one.part}\u202f%` : sized(one.size);
  };
  const row = (one) => {
    const isBad = one.state === "refused" || one.state === "lost";
    return createElement("li", { key: one.key, role: isBad ? "alert" : undefined, className:
      `flex min-h-14 items-center gap-3 rounded-md bg-surface px-3 py-2 ${isBad ? "border border-bad" : "shadow-card"}` },
      createElement("span", { className: "flex size-10 shrink-0 items-center justify-center rounded-full " +
        (isBad ? "bg-bad-soft text-bad" : "bg-sunken text-ink") },
        drawn(/^image\//.test(one.file.type) ? icons.picture : icons.file, "size-5")),
      createElement("span", { className: "min-w-0 flex-1 text-sm" },
        createElement("span", { className: "block truncate font-medium" }, one.name),
        createElement("span", { className: `block ${isBad ? "text-bad" : "text-muted"}` }, second(one))),
      one.state === "lost" && createElement("button", { type: "button", onClick: () => send(one.key, one.file),
        className: "inline-flex min-h-11 items-center px-2 text-sm font-semibold text-brand-ink" }, words.again),
      createElement("button", { type: "button", onClick: () => remove(one), "aria-label": `${words.remove} «${one.name}»`,
        className: "inline-flex size-11 items-center justify-center rounded-full hover:bg-sunken" },
        drawn(icons.close, "size-6")));
  };
  return createElement("div", { ref: place, className: "contents" },
    createElement("input", { type: "hidden", name, value: files.filter((one) => one.number && one.state === "here")
      .map((one) => one.number).join(",") }),
    files.length > 0 && createElement("ul", { className: "order-first mb-2 w-full space-y-2" }, files.map(row)),
    createElement("input", { type: "file", id, multiple: true, onChange: add, className: "peer sr-only",
      accept: words.accept }),
    children);
};

if (typeof document !== "undefined")
  document.addEventListener("click", (event) => {
    // One of several buttons that send a form says which it was.
    const button = event.target.closest?.("button[data-field]");
    if (button?.form) button.form.elements[button.dataset.field].value = button.dataset.value;
    // A ready text goes where the cursor of its field stands.
    const ready = event.target.closest?.("[data-inserts]")?.dataset;
    const field = ready && document.getElementById(ready.into);
    if (!field) return;
    field.setRangeText(ready.inserts, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }, true);
