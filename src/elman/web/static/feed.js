// Following a training run: its events, each once, over lost connections and restarts.

const RETRY = [0.3, 1, 2, 4]; // seconds between attempts
const RARELY = 10; // the same, once the training has ended: another may begin at this address
const SILENCE = 40; // seconds: the server says something every 15

export function emptyRun() {
  return {
    start: null, steps: [], evaluations: [], samples: [], messages: [], history: null,
    state: "preparing", factor: 1, end: null,
  };
}

/** Follow GET /api/train/events until `signal`; `changed()` is called after every change.
 *
 * Returns the feed: `run` (see emptyRun), `connection` ("connecting", "open", "lost", and
 * "closed" where no training runs any more), and for tests `lastId`, `received`, `repeated`, `drop()`. */
export function follow(api, signal, changed) {
  const feed = {
    run: emptyRun(), connection: "connecting", lastId: null, received: 0, repeated: 0, drop,
  };
  let connection = null; // the AbortController of the connection that is open
  let wake = () => {};
  let watchdog = 0;
  signal.addEventListener("abort", drop);
  for (const event of ["online", "pageshow"]) {
    window.addEventListener(event, () => wake(), { signal });
  }
  listen();
  return feed;

  /** Cut the connection, as a bad network would. */
  function drop() {
    connection?.abort();
  }

  async function listen() {
    for (let failures = 0; !signal.aborted; failures += 1) {
      connection = new AbortController();
      watch();
      try {
        for await (const event of api.events("api/train/events", {
          signal: connection.signal, lastEventId: feed.lastId, alive,
        })) {
          failures = 0;
          if (isNew(event)) take(feed.run, event.data);
          changed();
        }
      } catch (error) {
        if (error.status === 404) return close(); // nothing is trained here
      }
      clearTimeout(watchdog);
      feed.connection = "lost";
      changed();
      await pause(feed.run.state === "ended" ? RARELY : RETRY[Math.min(failures, RETRY.length - 1)]);
    }
    clearTimeout(watchdog);
  }

  function alive() {
    watch();
    if (feed.connection === "open") return;
    feed.connection = "open";
    changed();
  }

  /** A connection that only one side knows to be dead says nothing: cut it. */
  function watch() {
    clearTimeout(watchdog);
    watchdog = setTimeout(drop, 1000 * SILENCE);
  }

  function close() {
    clearTimeout(watchdog);
    feed.connection = "closed";
    changed();
  }

  function pause(seconds) {
    return new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, 1000 * seconds);
    });
  }

  /** Whether an event was not seen before. Ids are MARK-NUMBER, the mark that of a server start. */
  function isNew({ id }) {
    if (id === null) return false;
    const [mark, number] = id.split(/-(?=\d+$)/);
    const [lastMark, last] = feed.lastId?.split(/-(?=\d+$)/) ?? [mark, -1];
    if (mark === lastMark && Number(number) <= Number(last)) {
      feed.repeated += 1;
      return false;
    }
    if (mark !== lastMark) feed.run = emptyRun(); // the server started again, and tells all again
    feed.lastId = id;
    feed.received += 1;
    return true;
  }
}

function take(run, data) {
  switch (data.event) {
    case "start":
      run.start = data;
      break;
    case "state":
      run.state = data.state;
      run.factor = data.factor;
      break;
    case "step":
      run.steps.push(data);
      break;
    case "evaluation":
      run.evaluations.push(data);
      break;
    case "sample":
      run.samples.push(data);
      break;
    case "history":
      Object.assign(run, fromHistory(data));
      break;
    case "message":
      run.messages.push(data.text);
      break;
    case "done":
    case "interrupted":
    case "failed":
      run.end = data;
      break;
    default: // an event of a later version: nothing to show it in
  }
}

/** What a model file recorded of its training: {columns, rows, samples}, losses in nats, as steps,
 * evaluations and samples of a run. */
export function fromHistory({ columns, rows, samples }) {
  const at = Object.fromEntries(columns.map((name, column) => [name, column]));
  const steps = [];
  const evaluations = [];
  for (const row of rows) {
    const step = { step: row[at.step], seconds: row[at.seconds] };
    const figures = {
      train_loss: row[at.train], gradient_norm: row[at.gradient_norm],
      learning_rate: row[at.learning_rate],
    };
    if (row[at.validation] === null) steps.push({ ...step, ...figures });
    else evaluations.push({ ...step, train_loss: row[at.train], validation_loss: row[at.validation] });
  }
  return { steps, evaluations, samples };
}
