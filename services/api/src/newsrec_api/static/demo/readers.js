// Choosing a reader, and becoming a new one.
import * as api from "./api.js";
import { byId, language, make, title, words } from "./dom.js";
import { hash } from "./pictures.js";

const ZONES = { latin_america: "America/Bogota", africa: "Africa/Nairobi", north_america: "America/New_York" };

export function avatar(element, reader) {
  element.textContent = reader.name.split(" ").map((part) => part[0]).slice(0, 2).join("");
  element.style.setProperty("--hue", hash(reader.user_id) % 360);
  return element;
}

export const about = (reader) => `${title(reader.region)} · ${language(reader.language)}`;

export function listReaders(readers, choose) {
  const groups = Map.groupBy ? Map.groupBy(readers, (r) => r.region) : groupBy(readers);
  byId("reader-groups").replaceChildren(...[...groups].map(([region, members]) =>
    make("section", "group", make("h3", "", title(region)),
      make("ul", "people", ...members.map((reader) => person(reader, choose))))));
}

function groupBy(readers) {
  const groups = new Map();
  for (const r of readers) groups.set(r.region, [...(groups.get(r.region) ?? []), r]);
  return groups;
}

function person(reader, choose) {
  const likes = reader.preferred_categories.map(words).join(", ") || "nothing chosen";
  const reads = reader.reads ? `${reader.reads} reads` : "new here";
  const button = make("button", "person", avatar(make("span", "avatar small"), reader),
    make("span", "line-text", make("span", "line-title", reader.name),
      make("span", "fine", `${language(reader.language)} · ${reads}`),
      make("span", "fine likes", likes)));
  button.type = "button";
  button.dataset.reader = reader.user_id;
  button.addEventListener("click", () => {
    byId("readers").close();
    choose(reader.user_id);
  });
  return make("li", "", button);
}

export function prepareOnboarding(categories, joined) {
  byId("category-choices").replaceChildren(...categories.map((name) => {
    const box = make("input");
    box.type = "checkbox";
    box.name = "category";
    box.value = name;
    return make("label", "choice", box, make("span", "", title(name)));
  }));
  byId("onboarding-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    const form = new FormData(e.target);
    const error = byId("onboarding-error");
    const chosen = form.getAll("category");
    if (chosen.length === 0) {
      error.textContent = "Choose at least one category.";
      error.hidden = false;
      return;
    }
    try {
      const { user_id: id } = await api.join({
        region: form.get("region"),
        language: form.get("language"),
        timezone: ZONES[form.get("region")],
        preferred_categories: chosen,
      });
      error.hidden = true;
      byId("onboarding").close();
      joined(id);
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
  });
}
