// The page of one device: asks its API every second, shows what it says, and sends commands.
// The token is kept for this tab only. What is shown is never newer than what was said.

const EVERY_MS = 1000;
const STALE_MS = 3500;
const POLL_WITHIN_MS = 8000;
const COMMAND_WITHIN_MS = 90000;
const TOKEN = "heddle-token";

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const saved = {
  get token() { return sessionStorage.getItem(TOKEN); },
  set token(value) {
    if (value === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, value);
  },
};

let saidAt = null; // when the device last answered, by this browser's clock
let openedAt = 0;
let deviceNow = 0; // the device's clock, as last said
let flows = new Map(); // status by id, as last said
let life = 0; // of a sign-in: what an earlier one has asked for is dropped
const cards = new Map();

// --- asking -------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `the device said ${status}`);
    this.status = status;
    this.findings = problem.findings ?? [];
  }
}

async function ask(method, path, body, headers = {}, within = COMMAND_WITHIN_MS) {
  const mine = saved.token ?? "";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${mine}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(within),
    });
  } catch (error) {
    const late = error.name === "TimeoutError";
    throw new Error(late ? "The device gave no answer in time." : "The device cannot be reached.");
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  if (answer.status === 401 && mine === saved.token) signOut(said.detail);
  throw new Refused(answer.status, said);
}

async function watch(mine) {
  for (let turn = 0; mine === life; turn += 1) {
    if (!document.hidden) {
      try {
        const asked = [ask("GET", "flows/status", undefined, {}, POLL_WITHIN_MS)];
        if (turn % 3 === 0) asked.push(ask("GET", "node", undefined, {}, POLL_WITHIN_MS));
        const [statuses, node] = await Promise.all(asked);
        if (mine !== life) return;
        saidAt = Date.now();
        showFlows(statuses);
        if (node) showNode(node);
        showStale();
      } catch {
        turn = -1; // all of it, next time
      }
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

// --- flows --------------------------------------------------------------------------

const ENDED = ["finished", "terminated"];

function showFlows(said) {
  deviceNow = said.at_ms;
  flows = new Map(said.flows.map((flow) => [flow.flow, flow]));
  at("none").hidden = flows.size > 0;
  for (const [id, card] of cards) {
    if (flows.has(id)) continue;
    card.remove();
    cards.delete(id);
  }
  for (const flow of said.flows) {
    let card = cards.get(flow.flow);
    if (!card) {
      card = makeCard(flow.flow);
      cards.set(flow.flow, card);
      const after = [...cards.keys()].sort().find((id) => id > flow.flow && cards.get(id).isConnected);
      at("flows").insertBefore(card, after ? cards.get(after) : null);
    }
    showFlow(card, flow, said.at_ms);
  }
  nameSending();
}

function makeCard(id) {
  const card = at("flow").content.firstElementChild.cloneNode(true);
  card.dataset.flow = id;
  card.querySelector("h3").textContent = id;
  card.querySelector(".buttons").setAttribute("aria-label", `Commands of ${id}`);
  for (const button of card.querySelectorAll("[data-command]")) {
    button.addEventListener("click", () => press(button, card, id));
  }
  return card;
}

function showFlow(card, flow, now) {
  const run = flow.run;
  const active = run && !ENDED.includes(run.status);
  const status = !flow.is_current ? "unknown" : flow.state !== "ready" ? flow.state : run?.status ?? "idle";
  const pill = card.querySelector(".status");
  set(pill, status === "unknown" ? "no answer" : status);
  pill.className = `status ${status}`;
  set(card.querySelector(".about"), [`version ${flow.version}`, run && began(run, now)].filter(Boolean).join(" · "));
  showCurrent(card.querySelector(".current"), flow, now);
  const engine = flow.state === "ready" && flow.is_current ? "" : engineSays(flow, now);
  set(card.querySelector(".engine"), engine);
  card.querySelector(".engine").hidden = !engine;
  showChange(card.querySelector(".change"), flow.change);
  const can = {
    start: !active,
    pause: active && ["running", "stopping"].includes(run.status),
    resume: active && run.status === "paused",
    stop: active || !flow.is_current,
    approve: active,
    remove: !active,
    download: true,
  };
  for (const button of card.querySelectorAll("[data-command]")) {
    const wanted = can[button.dataset.command];
    button.disabled = !wanted || button.ariaBusy === "true";
  }
  const awaited = active && run.listening.some((each) => each.type === "APPROVAL");
  card.querySelector("[data-command=approve]").hidden = !awaited;
}

function showCurrent(line, flow, now) {
  const parts = flow.current.map((each) => {
    const name = document.createElement("b");
    name.textContent = each.name;
    const since = each.since_ms ? ` for ${span(now - each.since_ms)}` : "";
    return [name, since];
  });
  const due = (flow.run?.listening ?? []).filter((each) => each.due_at_ms).map((each) => each.due_at_ms);
  const next = due.length && flow.current.length ? `, next timer in ${span(Math.min(...due) - now)}` : "";
  const wanted = parts.length
    ? ["Now ", ...parts.flatMap((part, n) => (n ? [", ", ...part] : part)), next]
    : [flow.run && ENDED.includes(flow.run.status) ? "Nothing runs." : flow.run ? "Between phases." : "Never run here."];
  if (line.textContent === wanted.map((each) => each.textContent ?? each).join("")) return;
  line.replaceChildren(...wanted);
}

function engineSays(flow, now) {
  const when = flow.asked_at_ms ? ` What is shown is ${span(now - flow.asked_at_ms)} old.` : "";
  return `Engine ${flow.state}: ${flow.detail || "no details"}.${flow.is_current ? "" : when}`;
}

function showChange(line, change) {
  const isNews = change && change.state !== "taken";
  line.hidden = !isNews;
  if (!isNews) return;
  line.className = `change ${change.state}`;
  set(line, `Changed here: ${change.told}.`);
}

const began = (run, now) =>
  ENDED.includes(run.status)
    ? run.ended_at_ms ? `ended ${span(now - run.ended_at_ms)} ago` : ""
    : run.started_at_ms ? `started ${span(now - run.started_at_ms)} ago` : "";

// --- commands -----------------------------------------------------------------------

async function press(button, card, id) {
  const problem = card.querySelector(".problem");
  const work = COMMANDS[button.dataset.command];
  button.ariaBusy = "true";
  try {
    const deed = await work(id);
    if (!deed) return;
    problem.replaceChildren();
    button.disabled = true;
    await deed();
  } catch (error) {
    tell(problem, error);
  } finally {
    button.ariaBusy = null;
    const flow = flows.get(id);
    if (flow && card.isConnected) showFlow(card, flow, deviceNow);
  }
}

const command = (name, id, type = 0) =>
  ask("PATCH", "flows/commands", { command: name, flow_ids: [id], type });

const COMMANDS = {
  start: (id) => () => command("start", id),
  pause: (id) => () => command("pause", id),
  resume: (id) => () => command("resume", id),
  stop: async (id) => {
    const how = await choose(`Stop ${id}?`, "Softly: what is active now may still end. At once: nothing may; an engine that does not answer is ended.", [
      ["soft", "Stop softly"],
      ["hard", "Stop at once", "danger"],
    ]);
    return how && (() => command("stop", id, how === "hard" ? 1 : 0));
  },
  approve: async (id) => {
    const how = await choose(`Approve ${id}?`, "The run waits for somebody to say that it may go on.", [["yes", "Approve", "act"]], true);
    const comment = at("comment").value;
    return how && (() => ask("POST", `flows/${id}/approval`, { comment }));
  },
  remove: async (id) => {
    const how = await choose(`Remove ${id} from this device?`, "Its engine ends and its journal is deleted. What it has told stays.", [
      ["yes", "Remove", "danger"],
    ]);
    return how && (() => ask("DELETE", `flows/${id}`));
  },
  download: (id) => async () => {
    const flow = await ask("GET", `flows/${id}`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(flow.definition, null, 2)], { type: "application/json" }));
    link.download = `${id}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  },
};

function choose(title, text, choices, comments = false) {
  const dialog = at("ask");
  set(at("ask-title"), title);
  set(at("ask-text"), text);
  at("ask-comment").hidden = !comments;
  at("comment").value = "";
  const buttons = [...choices, ["", "Cancel"]].map(([value, label, kind]) => {
    const button = document.createElement("button");
    button.value = value;
    button.textContent = label;
    button.className = kind ?? "";
    return button;
  });
  at("ask-buttons").replaceChildren(...buttons);
  dialog.returnValue = "";
  dialog.showModal();
  (comments ? at("comment") : buttons.at(-1)).focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
  });
}

// --- adding and replacing -------------------------------------------------------------

let seen = null; // the ETag of the flow that is to be replaced, when its id was given

function nameSending() {
  const known = flows.get(at("id").value);
  set(at("send"), known ? `Replace version ${known.version}` : "Add");
}

function look() {
  seen = flows.get(at("id").value)?.etag ?? null;
  nameSending();
}

at("file").addEventListener("change", () => {
  const file = at("file").files[0];
  if (file && !at("id").value) {
    at("id").value = file.name.replace(/\.json$/i, "").toLowerCase().replace(/[^a-z0-9_]+/g, "_").slice(0, 64);
  }
  look();
});
at("id").addEventListener("input", look);

at("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [id, file, send] = [at("id").value, at("file").files[0], at("send")];
  at("upload-problem").replaceChildren();
  set(at("upload-said"), "Sending …");
  send.disabled = true;
  try {
    const definition = parsed(await file.text(), file.name);
    const made = seen
      ? await ask("PUT", `flows/${id}`, { definition }, { "if-match": seen })
      : await ask("POST", "flows", { flow: id, definition });
    set(at("upload-said"), `${made.flow} version ${made.version} is on this device, its engine ${made.state}.`);
    if (at("id").value === id) at("upload").reset(); // else the next one is being written
    look();
  } catch (error) {
    set(at("upload-said"), "");
    tell(at("upload-problem"), error);
    if (error.status === 412) look();
  } finally {
    send.disabled = false;
    nameSending();
  }
});

function parsed(text, name) {
  try {
    return JSON.parse(text);
  } catch (flaw) {
    throw new Error(`${name} is no JSON: ${flaw.message}`);
  }
}

// --- the device -----------------------------------------------------------------------

function showNode(node) {
  set(at("device"), node.device);
  document.title = `${node.device} – Heddle device`;
  const uplink = at("uplink");
  uplink.className = node.uplink.is_up ? "mark" : "mark off";
  set(uplink, `${node.uplink.is_up ? "linked" : "no link"} for ${rough(node.at_ms - node.uplink.since_ms)}`);
  const [disk, memory, outbox] = [node.disk, node.memory, node.outbox];
  const used = disk.total_bytes ? 1 - disk.free_bytes / disk.total_bytes : 0;
  showFacts([
    ["Waiting", outbox ? waiting(outbox, node.at_ms) : "the outbox’s disk does not answer", !outbox],
    ["Disk", `${bytes(disk.free_bytes)} free of ${bytes(disk.total_bytes)}`, used > 0.9],
    ["Memory", `${bytes(memory.available_bytes)} free of ${bytes(memory.total_bytes)}, agent ${bytes(memory.agent_bytes)}`],
    ["Tags", node.bad_tags ? `${node.tags}, ${node.bad_tags} bad` : `${node.tags}, none bad`, node.bad_tags > 0],
    ...(node.links.length ? [["Peers", peers(node.links), node.links.some((link) => !link.is_up)]] : []),
    ["Centre", node.uplink.url],
    ["Project", node.project],
    ["Host", `${node.host.hostname}, ${node.host.os}, ${node.host.arch}`],
    ["Agent", `${node.agent_version}, up ${span(node.at_ms - node.started_at_ms)}, Python ${node.host.python}`],
    ["Engines", node.host.docker ? `in containers, Docker ${node.host.docker}` : "as child processes"],
  ]);
  showChanges(node);
}

function showFacts(facts) {
  const list = at("node");
  facts.forEach(([name, value, act], n) => {
    if (!list.children[2 * n]) list.append(document.createElement("dt"), document.createElement("dd"));
    set(list.children[2 * n], name);
    set(list.children[2 * n + 1], value);
    list.children[2 * n + 1].className = act ? "act" : "";
  });
}

function showChanges(node) {
  const newest = node.changes.newest;
  at("changes-panel").hidden = newest.length === 0;
  at("changes").replaceChildren(...newest.slice(0, 8).map((change) => {
    const line = document.createElement("li");
    line.className = `change ${change.state}`;
    const flow = document.createElement("b");
    flow.textContent = change.flow;
    line.append(flow, ` ${change.kind} ${span(node.at_ms - change.at_ms)} ago: ${change.told}.`);
    return line;
  }));
}

function peers(links) {
  const down = links.filter((link) => !link.is_up);
  if (!down.length) return `${links.map((link) => link.name).join(", ")}: all connected`;
  return down.map((link) => `${link.name} is not connected${link.why_down ? `: ${link.why_down}` : ""}`).join("; ");
}

function waiting(outbox, now) {
  if (!outbox.total) return "nothing: the centre has it all";
  const age = outbox.oldest_at_ms ? `, the oldest for ${span(now - outbox.oldest_at_ms)}` : "";
  return `${number.format(outbox.total)} items in ${bytes(outbox.file_bytes)}${age}`;
}

function showStale() {
  const age = Date.now() - (saidAt ?? openedAt);
  const isStale = age > STALE_MS;
  at("signed-in").classList.toggle("is-stale", isStale);
  at("stale").hidden = !isStale;
  if (isStale) {
    set(at("stale"), saidAt === null
      ? "The device does not answer."
      : `The device has not answered for ${span(age)}: what you see is from then.`);
  }
}

// --- signing in -----------------------------------------------------------------------

at("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  saved.token = at("token").value.trim();
  set(at("sign-in-problem"), "");
  try {
    await ask("GET", "flows/status");
    at("token").value = "";
    open();
  } catch (error) {
    set(at("sign-in-problem"), error.message);
  }
});

at("sign-out").addEventListener("click", () => signOut(""));

function open() {
  at("sign-in").hidden = true;
  at("signed-in").hidden = false;
  saidAt = null;
  openedAt = Date.now();
  life += 1;
  watch(life);
}

function signOut(why) {
  life += 1;
  saved.token = null;
  at("signed-in").hidden = true;
  at("sign-in").hidden = false;
  set(at("sign-in-problem"), why ?? "");
  at("token").focus();
}

// --- words ----------------------------------------------------------------------------

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tell(place, error) {
  place.replaceChildren(error.message);
  const findings = error.findings ?? [];
  if (findings.length < 2) return;
  const list = document.createElement("ul");
  list.append(...findings.map((finding) => {
    const line = document.createElement("li");
    line.textContent = finding.message;
    return line;
  }));
  place.append(list);
}

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days`;
}

const rough = (ms) => span(ms < 60000 ? ms : ms - (ms % 60000)).replace(" 0 s", "");

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const n = count ? Math.min(Math.floor(Math.log10(count) / 3), units.length - 1) : 0;
  const value = count / 1000 ** n;
  return `${value >= 100 || n === 0 ? Math.round(value) : value.toFixed(1)} ${units[n]}`;
}

setInterval(() => life > 0 && !at("signed-in").hidden && showStale(), EVERY_MS);
if (saved.token) open();
else signOut("");
