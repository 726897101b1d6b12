// Small things about the page: elements, ages, names of regions.
export const byId = (id) => document.getElementById(id);

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

export function age(iso, now) {
  const minutes = Math.max(0, Math.round((now - Date.parse(iso)) / 60000));
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1440)} days ago`;
}

export function clockTime(date) {
  return date.toLocaleString("en-GB", {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
  });
}

export function duration(seconds) {
  const s = Math.floor(seconds);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

// crypto.randomUUID is missing where the page is not served from localhost or by https.
export function uid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `demo-${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

export const words = (name) => (name ?? "").replaceAll("_", " ");
export const title = (name) => words(name).replace(/(^|\s)\S/g, (c) => c.toUpperCase());

const languages = new Intl.DisplayNames(["en"], { type: "language" });

export function language(code) {
  try {
    return languages.of(code) ?? code;
  } catch {
    return code;
  }
}

let hide;

export function toast(text) {
  const place = byId("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => { place.hidden = true; }, 4000);
}
