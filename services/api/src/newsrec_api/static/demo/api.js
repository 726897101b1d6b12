// Talks to the API, and lives in the API's time: a simulated world has its own clock.
let ahead = 0;

async function call(path, options = {}) {
  const response = await fetch(path, { credentials: "omit", ...options });
  const content = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(content?.errors?.[0]?.detail ?? content?.detail ?? response.statusText);
  return content;
}

function post(path, content, keepalive = false) {
  return call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
    keepalive,
  });
}

const part = encodeURIComponent;

function timed(answer) {
  ahead = Date.parse(answer.now) - Date.now();
  return answer;
}

export const now = () => new Date(Date.now() + ahead);
export const readers = async () => timed(await call("/demo/readers")).readers;
export const reader = async (id) => timed(await call(`/demo/readers/${part(id)}`));
export const slate = (id) => call(`/v1/readers/${part(id)}/recommendations?limit=10`);
export const similar = async (id) => (await call(`/v1/articles/${part(id)}/similar?limit=4`)).items;
export const categories = async () => (await call("/v1/categories")).categories;
export const join = (choice) => post("/v1/readers", choice);
export const report = (events, keepalive = false) => post("/v1/events", { events }, keepalive);

export function trending(region, language) {
  const query = new URLSearchParams({ region: region ?? "", language: language ?? "", limit: 6 });
  return call(`/v1/trending?${query}`).then((answer) => answer.items);
}
