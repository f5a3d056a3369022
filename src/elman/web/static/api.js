// Talking to the server: JSON, and server-sent events over fetch, so that a stream
// can be a POST, carry headers and be aborted.

const BUSY = 12; // ms of a stream after which the browser may draw and listen

/** What the server refused or could not do; `message` is a sentence for people. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status; // of HTTP; 0 when there was no answer
  }
}

const tokenOf = (page) => page.querySelector('meta[name="elman-token"]')?.content ?? "";
let token = tokenOf(document);

async function send(path, { body, signal, headers = {} }) {
  const options = { signal, headers: { ...headers } };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
    options.headers["X-Elman-Token"] = token;
  }
  let response = await answerOf(path, options);
  if (response.status === 401 && await newToken(signal)) {
    options.headers["X-Elman-Token"] = token;
    response = await answerOf(path, options);
  }
  if (!response.ok) throw await refusal(response, Object.keys(body ?? {}));
  return response;
}

async function answerOf(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server is not responding. Is elman still running?", 0);
  }
}

/** Fetch the token again, which another start of the server has changed; whether it has. */
async function newToken(signal) {
  const page = await (await answerOf("./", { signal })).text();
  const old = token;
  token = tokenOf(new DOMParser().parseFromString(page, "text/html"));
  return token !== old;
}

async function refusal(response, names) {
  let message = `The server answered with status ${response.status}.`;
  try {
    message = sentence((await response.json()).error.message, names);
  } catch {
    // No JSON: the status has to do.
  }
  return new ApiError(message, response.status);
}

/** A message as a sentence. A name at its start, of an argument or a file, stays as it is. */
function sentence(text, names) {
  const first = text.split(" ", 1)[0];
  const begin = /[\d._]/.test(first) || names.includes(first)
    ? first : first.charAt(0).toUpperCase() + first.slice(1);
  return begin + text.slice(first.length) + (/[.!?]$/.test(text) ? "" : ".");
}

export async function get(path, { signal } = {}) {
  return (await send(path, { signal })).json();
}

export async function post(path, body, { signal } = {}) {
  return (await send(path, { body, signal })).json();
}

/** The events of a stream as {id, event, data}, data parsed; with `body` it is a POST.
 * Ends with the stream; throws ApiError, or AbortError after `signal`. `alive()` is called
 * whenever something comes, be it a comment. */
export async function* events(path, { body, signal, lastEventId, alive = () => {} } = {}) {
  const headers = { Accept: "text/event-stream" };
  if (lastEventId) headers["Last-Event-ID"] = lastEventId;
  const response = await send(path, { body, signal, headers });
  alive();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  let rested = performance.now();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      buffer = (buffer + value).replace(/\r\n/g, "\n");
      const blocks = buffer.split("\n\n");
      buffer = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
        if (performance.now() - rested > BUSY) {
          await new Promise((resolve) => setTimeout(resolve));
          signal?.throwIfAborted();
          rested = performance.now();
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  const event = { id: null, event: "message", data: null };
  const data = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) continue; // a comment, which keeps the connection alive
    const value = line.slice(colon + 1).replace(/^ /, "");
    const name = line.slice(0, colon);
    if (name === "data") data.push(value);
    else if (name in event) event[name] = value;
  }
  if (!data.length) return null;
  event.data = JSON.parse(data.join("\n"));
  return event;
}

/** An array of numbers as the server sends it. */
export function floats({ float32 }) {
  const bytes = Uint8Array.from(atob(float32), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
