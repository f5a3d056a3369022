// Where one is: view, model and what is looked at, in the address; and what a tab remembers.
// #VIEW, #VIEW/MODEL where there are several, and ?name=value of what the view looks at.

const LONGEST = 1500; // characters of an address; what is longer is remembered by the tab alone

/** What the address says: {view, model, values}; view and model may be undefined. */
export function read() {
  try {
    const [path, query] = location.hash.slice(1).split("?");
    const [view, model] = path.split("/").map(decodeURIComponent);
    return { view: view || undefined, model, values: Object.fromEntries(new URLSearchParams(query)) };
  } catch {
    return { values: {} }; // no address of ours
  }
}

/** Put it into the address; `model` null where there is but one. */
export function write(view, model, values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "")).toString();
  const path = `#${view}${model === null ? "" : `/${encodeURIComponent(model)}`}`;
  history.replaceState(null, "", query && query.length <= LONGEST ? `${path}?${query}` : path);
}

/** What this tab remembers under a name, over a reload; undefined without it. */
export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`elman ${name}`)) ?? undefined;
  } catch {
    return undefined; // no storage, or not ours
  }
}

export function remember(name, value) {
  try {
    sessionStorage.setItem(`elman ${name}`, JSON.stringify(value));
  } catch {
    // No storage, or it is full: the next reload begins anew.
  }
}
