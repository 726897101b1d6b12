// The reading panel: opening it is a click, closing it reports how long it was read.
import * as api from "./api.js";
import { age, byId, duration, make, title, toast, uid } from "./dom.js";
import { picture } from "./pictures.js";

let view = null;
let ticking;

const dialog = byId("reading");

const seconds = () => view.seconds + (view.since === null ? 0 : (performance.now() - view.since) / 1000);

function tick() {
  if (view) byId("reading-timer").textContent = duration(seconds());
}

function pause() {
  if (view && view.since !== null) {
    view.seconds = seconds();
    view.since = null;
  }
}

function resume() {
  if (view && view.since === null) view.since = performance.now();
}

function event(kind, more) {
  return {
    type: "read",
    event_id: uid(),
    user_id: view.reader,
    article_id: view.article.article_id,
    read_at: view.openedAt,
    kind,
    view_id: view.id,
    ...(view.impression ? { impression_id: view.impression } : {}),
    ...more,
  };
}

function finish(leaving = false) {
  if (!view) return;
  clearInterval(ticking);
  pause();
  const dwell = Math.round(view.seconds * 10) / 10;
  const read = event("read", { dwell_seconds: dwell });
  const sent = api.report([read], leaving);
  view = null;
  if (!leaving) {
    sent.then(
      () => toast(`Reported: ${duration(dwell)} of reading`),
      (error) => toast(`Not reported: ${error.message}`),
    );
  }
}

async function showSimilar(article, open) {
  const list = byId("similar");
  list.replaceChildren();
  byId("similar-section").hidden = true;
  const items = await api.similar(article.article_id).catch(() => []);
  if (view?.article.article_id !== article.article_id) return;
  byId("similar-section").hidden = items.length === 0;
  for (const item of items) {
    const button = make("button", "line", make("span", "thumb", picture(item)),
      make("span", "line-text", make("span", "line-title", item.title),
        make("span", "fine", `${title(item.category)} · ${item.publisher}`)));
    button.type = "button";
    button.addEventListener("click", () => open(item));
    list.append(make("li", "", button));
  }
}

export function read(article, reader, impression, opened) {
  finish();
  view = {
    article, reader, impression,
    id: uid(),
    openedAt: api.now().toISOString(),
    seconds: 0,
    since: performance.now(),
  };
  api.report([event("click")]).then(
    () => opened(article.article_id),
    (error) => toast(`Not reported: ${error.message}`),
  );
  byId("reading-picture").replaceChildren(picture(article));
  byId("reading-meta").textContent =
    `${title(article.category)} · ${article.publisher} · ${age(article.published_at, api.now())}`;
  byId("reading-title").textContent = article.title;
  byId("reading-title").lang = article.language;
  byId("reading-abstract").textContent = article.abstract ?? "";
  byId("reading-abstract").lang = article.language;
  byId("reading-reason").textContent = article.reason?.text ?? "";
  byId("reading-reason").hidden = !article.reason?.text;
  showSimilar(article, (next) => read(next, reader, null, opened));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  tick();
  ticking = setInterval(tick, 250);
}

byId("reading-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => finish());
// A tab in the background is not being read.
document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
window.addEventListener("pagehide", () => finish(true));
