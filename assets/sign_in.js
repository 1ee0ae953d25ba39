// Comfort on the sign-in pages. They work without it; it waits for neither React nor anything else.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const slot = (name) => one(`[data-slot="${name}"]`);
  const captcha = (what) => one(`[data-captcha="${what}"]`);

  // What the server has written is marked for screen readers, and the first wrong field is ready to be typed in.
  const markErrors = () => {
    for (const error of all('[data-slot^="error_"]').reverse()) {
      const input = document.getElementById(error.dataset.slot.slice(6));
      if (!error.textContent || !input) continue;
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  };

  // A page that React has drawn, and not our server, is filled from JSON.
  const fill = async () => {
    if ("static" in document.documentElement.dataset) return;
    const action = all("form").map((form) => form.action).find((address) => address.includes("/auth/"));
    if (!action) return;
    const base = action.replace(/\/auth\/.*/, "");
    const answer = await fetch(`${base}/auth/screen?page=${location.pathname}`, { credentials: "include" });
    if (!answer.ok) return;
    const screen = await answer.json();
    for (const [name, text] of Object.entries(screen.slots ?? {})) {
      const element = slot(name);
      if (element && !element.textContent) element.textContent = text;
    }
    for (const [name, value] of Object.entries(screen.fills ?? {})) {
      for (const input of all(`[data-fill="${name}"]`)) input.value ||= value;
    }
    const block = document.getElementById("captcha-block");
    if (block) block.hidden = screen.captcha === false;
    markErrors();
  };

  setInterval(() => {
    const left = slot("resend_in");
    const [minutes, seconds] = (left?.textContent || "0:0").split(":").map(Number);
    const rest = minutes * 60 + seconds - 1;
    if (left?.textContent) left.textContent = rest > 0 ? `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}` : "";
  }, 1000);

  const anotherPicture = async (button) => {
    const body = new URLSearchParams(new FormData(button.form));
    await fetch(button.formAction, { method: "POST", body, credentials: "include", redirect: "manual" });
    const picture = captcha("picture");
    picture.src = picture.src.replace(/\?.*|$/, `?${Date.now()}`);
    const field = document.getElementById("captcha");
    field.value = "";
    field.focus();
  };

  let sound;
  const listen = (link) => {
    sound?.pause();
    sound = new Audio(`${link.href}?${Date.now()}`);
    sound.play().catch(() => location.assign(link.href));
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-captcha], [data-show]");
    if (!target) return;
    if (target.dataset.captcha === "another") {
      event.preventDefault();
      anotherPicture(target);
    } else if (target.dataset.captcha === "listen") {
      event.preventDefault();
      listen(target);
    } else if (target.dataset.show) {
      const field = document.getElementById(target.dataset.show);
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      target.setAttribute("aria-pressed", String(shown));
    }
  });

  // +7, 8 or 7 before the ten digits goes away when a number is pasted or filled in.
  const bareNumber = (text) => {
    const digits = text.normalize("NFKC").replace(/\D/g, "");
    return digits.length === 11 && /^[78]/.test(digits) ? digits.slice(1) : text;
  };

  document.addEventListener("input", ({ target }) => {
    if (target.id === "number") {
      const bare = bareNumber(target.value);
      if (bare !== target.value) target.value = bare;
    }
    if (target.id === "code") sendWhole(target);
  });

  const sendWhole = (field) => {
    const digits = field.value.normalize("NFKC").replace(/\D/g, "").slice(0, 6);
    if (digits !== field.value) field.value = digits;
    if (digits.length === 6 && !field.form.dataset.sent) field.form.requestSubmit();
  };

  // Who types faster than this script comes has the code there already. A page that is loaded again may hold an old one.
  const sendTyped = () => {
    const field = document.getElementById("code");
    if (field && performance.getEntriesByType("navigation")[0]?.type === "navigate") sendWhole(field);
  };

  // The page that asks for a code comes back with what was typed into its other form.
  const keepTyped = ({ elements: { next } }) => {
    const kept = next && document.getElementById(next.dataset.keeps);
    if (kept) next.value = `${next.value.split("?")[0]}?${new URLSearchParams(new FormData(kept))}`;
  };

  // One press is one request; coming back by the browser's arrow allows another.
  document.addEventListener("submit", (event) => {
    const { dataset } = event.target;
    if (dataset.sent) event.preventDefault();
    dataset.sent = "yes";
    keepTyped(event.target);
  });
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  const readSms = () => {
    const field = document.getElementById("code");
    if (!field || !("OTPCredential" in window)) return;
    navigator.credentials.get({ otp: { transport: ["sms"] } }).then((sms) => {
      if (!sms?.code) return;
      field.value = sms.code;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }, () => {});
  };

  // What was typed before the session ended is kept by `fresh.js`; the server does not know of it.
  const sayWhatIsKept = () => {
    const ended = slot("ended");
    if (ended?.textContent && sessionStorage.getItem("kept")) ended.textContent = ended.dataset.kept;
  };

  const start = () => {
    sayWhatIsKept();
    markErrors();
    fill();
    sendTyped();
    readSms();
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
