// The page: one reader, her slate, and what she does with it.
import * as api from "./api.js";
import { age, byId, clockTime, duration, language, make, title, toast, uid } from "./dom.js";
import { hue, learn, picture } from "./pictures.js";
import { read } from "./reading.js";
import { about, avatar, listReaders, prepareOnboarding } from "./readers.js";

const page = { reader: null, slate: null, impression: null, opened: new Set(), watcher: null };

function chip(category) {
  const element = make("span", "chip", title(category));
  element.style.setProperty("--hue", hue(category));
  return element;
}

function card(article, place) {
  const button = make("button", "card-open", article.title);
  button.type = "button";
  button.lang = article.language;
  button.addEventListener("click", () => open(article, page.impression));
  const text = make("div", "card-text",
    make("p", "meta", chip(article.category), make("span", "", article.publisher),
      make("span", "", age(article.published_at, api.now()))),
    make("h3", "", button));
  if (article.abstract) {
    const abstract = make("p", "abstract", article.abstract);
    abstract.lang = article.language;
    text.append(abstract);
  }
  text.append(make("p", "why", article.reason.text), make("p", "state", "Read: gone after the next run"));
  const element = make("li", "card", make("div", "card-picture", picture(article), make("span", "rank", String(place))), text);
  element.dataset.article = article.article_id;
  return element;
}

function line(article, rank) {
  const button = make("button", "line", ...(rank ? [make("span", "number", String(rank))] : []),
    make("span", "line-text", make("span", "line-title", article.title),
      make("span", "fine", `${title(article.category)} · ${age(article.published_at, api.now())}`)));
  button.type = "button";
  button.querySelector(".line-title").lang = article.language;
  button.addEventListener("click", () => open(article, null));
  return make("li", "", button);
}

function open(article, impression) {
  read(article, page.reader.user_id, impression, (id) => {
    page.opened.add(id);
    markOpened();
  });
}

function markOpened() {
  for (const element of byId("cards").children) {
    element.classList.toggle("opened", page.opened.has(element.dataset.article));
  }
}

function showReader(answer) {
  const { reader } = answer;
  page.reader = reader;
  page.opened = new Set(answer.opened);
  avatar(byId("reader-avatar"), reader);
  byId("reader-name").textContent = reader.name;
  byId("reader-about").textContent =
    `${about(reader)} · ${reader.reads ? `${reader.reads} articles read` : "nothing read yet"}`;
  byId("reader-interests").replaceChildren(...reader.preferred_categories.map((c) => make("li", "", chip(c))));
  byId("clock").textContent = `${clockTime(api.now())} UTC`;
  const recent = answer.recent_reads.map((r) => make("li", "", make("div", "line still",
    make("span", "line-text", make("span", "line-title", r.title),
      make("span", "fine", `${title(r.category)} · ${age(r.read_at, api.now())}${
        r.dwell_seconds === null ? "" : ` · ${duration(r.dwell_seconds)} reading`}`)))));
  byId("recent").replaceChildren(...(recent.length ? recent : [make("li", "fine", "Nothing yet.")]));
}

function showSlate(slate) {
  page.slate = slate;
  page.impression = null;
  byId("slate-title").textContent = `For ${page.reader.name.split(" ")[0]}: ${slate.items.length} articles worth the time`;
  byId("slate-meta").textContent = slate.run_id
    ? `As of ${clockTime(new Date(slate.as_of))} UTC · model ${slate.model_version}` : "No run has been published yet";
  const notice = byId("slate-notice");
  notice.hidden = !slate.fallback;
  notice.textContent = "No slate of her own yet: these are the newest articles of the chosen categories, then popular ones. The next run writes her first slate.";
  byId("cards").replaceChildren(...slate.items.map((item, n) => card(item, n + 1)));
  if (slate.items.length === 0) byId("cards").append(make("li", "fine", "There are no articles yet."));
  markOpened();
  watch(slate);
}

// An impression is the report that the list was visible, not that it was fetched.
function watch(slate) {
  page.watcher?.disconnect();
  const first = byId("cards").firstElementChild;
  if (!first || slate.items.length === 0) return;
  page.watcher = new IntersectionObserver((entries) => {
    if (!entries.some((e) => e.isIntersecting) || document.hidden) return;
    page.watcher.disconnect();
    page.impression = uid();
    api.report([{
      type: "impression",
      impression_id: page.impression,
      user_id: slate.user_id,
      shown_at: api.now().toISOString(),
      surface: "site",
      article_ids: slate.items.map((i) => i.article_id),
      order_known: true,
      ...(slate.slate_id ? { slate_id: slate.slate_id } : {}),
    }]).catch((error) => toast(`Not reported: ${error.message}`));
  }, { threshold: .5 });
  page.watcher.observe(first);
}

async function choose(id) {
  document.body.classList.add("loading");
  try {
    const [answer, slate] = await Promise.all([api.reader(id), api.slate(id)]);
    history.replaceState(null, "", `?reader=${encodeURIComponent(id)}`);
    showReader(answer);
    showSlate(slate);
    const { region, language: tongue } = page.reader;
    byId("trending-title").textContent = `Trending in ${title(region) || "all regions"}`;
    const trend = await api.trending(region, tongue);
    byId("trending").replaceChildren(...trend.map((item, n) => line(item, n + 1)));
    byId("trending").setAttribute("aria-label", `In ${language(tongue)} first`);
  } catch (error) {
    toast(error.message);
  } finally {
    document.body.classList.remove("loading");
  }
}

async function start() {
  const [readers, categories] = await Promise.all([api.readers(), api.categories()]);
  learn(categories);
  listReaders(readers, choose);
  prepareOnboarding(categories, choose);
  byId("choose-reader").addEventListener("click", () => byId("readers").showModal());
  byId("new-reader").addEventListener("click", () => byId("onboarding").showModal());
  for (const dialog of document.querySelectorAll("dialog.box")) {
    dialog.addEventListener("click", (e) => {
      if (e.target === dialog || e.target.closest("[data-close]")) dialog.close();
    });
  }
  setInterval(() => { byId("clock").textContent = `${clockTime(api.now())} UTC`; }, 15000);
  const asked = new URLSearchParams(location.search).get("reader");
  const first = asked ?? [...readers].sort((a, b) => b.reads - a.reads)[0]?.user_id;
  if (first) await choose(first);
  else byId("onboarding").showModal();
}

start().catch((error) => toast(error.message));
