// Limits on 1,000 tags in Node-RED, as its users build them: a change node looks up the tag's limits, a function node
// compares (with the deadband) and remembers, a switch node parts the alarms; what leaves it is counted.
// The samples lie in the file named by the first argument, as float64: 1,000 tags a second, cycle after cycle.
// A line "N" with N above 0 is answered with the seconds that the next N samples took, "0" with the transitions so far.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const RED = require("node-red");

const TAGS = 1000;
const bytes = readFileSync(process.argv[2]);
const values = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);

const compare = `
const flags = context.flags, { hihi, hi, lo, lolo, deadband } = msg.limits, x = msg.payload;
const was = flags[msg.topic] || 0;
const now = (x >= (was & 1 ? hihi - deadband : hihi) ? 1 : 0) | (x >= (was & 2 ? hi - deadband : hi) ? 2 : 0)
  | (x <= (was & 4 ? lo + deadband : lo) ? 4 : 0) | (x <= (was & 8 ? lolo + deadband : lolo) ? 8 : 0);
global.get("seen").samples += 1;
if (now === was) return null;
flags[msg.topic] = now;
const told = [], names = ["hihi", "hi", "lo", "lolo"];
for (let bit = 0; bit < 4; bit += 1) {
  if ((now ^ was) & (1 << bit)) told.push({ topic: msg.topic, alarm: names[bit], active: !!(now & (1 << bit)), payload: x });
}
global.get("seen").told += told.length;
return [told];`;

const limits = {};
for (let n = 0; n < TAGS; n += 1) limits[`t${n}`] = { hihi: 95, hi: 90, lo: 10, lolo: 5, deadband: 1 };
const seen = { samples: 0, told: 0, transitions: 0 };

const rule = (name) => ({ t: "eq", v: name, vt: "str" });
const flow = [
  { id: "f", type: "tab", label: "alarms" },
  {
    id: "look",
    z: "f",
    x: 0,
    y: 0,
    type: "change",
    rules: [{ t: "set", p: "limits", pt: "msg", to: "limits[msg.topic]", tot: "global" }],
    wires: [["compare"]],
  },
  {
    id: "compare",
    z: "f",
    x: 0,
    y: 0,
    type: "function",
    func: compare,
    initialize: "context.flags = {};",
    outputs: 1,
    libs: [],
    wires: [["part"]],
  },
  {
    id: "part",
    z: "f",
    x: 0,
    y: 0,
    type: "switch",
    property: "alarm",
    propertyType: "msg",
    rules: ["hihi", "hi", "lo", "lolo"].map(rule),
    checkall: "false",
    outputs: 4,
    wires: [["count"], ["count"], ["count"], ["count"]],
  },
  {
    id: "count",
    z: "f",
    x: 0,
    y: 0,
    type: "function",
    func: 'global.get("seen").transitions += 1; return null;',
    outputs: 0,
    libs: [],
    wires: [],
  },
];

const userDir = new URL("user", import.meta.url).pathname;
mkdirSync(userDir, { recursive: true });
writeFileSync(`${userDir}/flows.json`, JSON.stringify(flow));
RED.init(null, {
  httpAdminRoot: false,
  httpNodeRoot: false,
  userDir,
  flowFile: "flows.json",
  functionGlobalContext: { limits, seen },
  logging: { console: { level: "fatal", metrics: false, audit: false } },
});
await RED.start();
let look = null;
while (!(look = RED.nodes.getNode("look"))) await new Promise((done) => setTimeout(done, 50));
const turn = () => new Promise((done) => setImmediate(done));

let next = 0;
async function feed(count) {
  const wanted = seen.samples + count;
  for (let left = count; left > 0; ) {
    for (let n = Math.min(left, TAGS); n > 0; n -= 1, left -= 1) {
      look.receive({ topic: `t${next % TAGS}`, payload: values[next % values.length] });
      next += 1;
    }
    while (seen.samples < wanted - left) await turn();
  }
  while (seen.transitions < seen.told) await turn();
}

for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line);
  const begin = performance.now();
  await feed(count);
  console.log(count ? (performance.now() - begin) / 1000 : seen.transitions);
}
process.exit(0);
