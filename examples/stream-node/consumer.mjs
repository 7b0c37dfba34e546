// Prints incoming messages from the events stream, each once.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { createClient } from "redis";

const STREAM = "receiver:events";
const GROUP = "stream-node";
const ME = `${hostname()}-${process.pid}`;
const TAKE_OVER = 60_000; // milliseconds; longer than one batch takes
const FILE = process.env.HANDLED ?? "handled.txt"; // better: your database, in one transaction

const handled = new Set(existsSync(FILE) ? readFileSync(FILE, "utf8").split("\n") : []);

function handle(event) {
  if (handled.has(event.id)) return;
  if (event.type === "sms.message.received.v1") {
    console.log(event.data.from, event.data.text); // your work goes here
  }
  appendFileSync(FILE, `${event.id}\n`, { flush: true });
  handled.add(event.id);
}

const client = createClient({ url: process.env.REDIS_URL });
client.on("error", (error) => console.error("redis:", error.code ?? error.message));
await client.connect();
await client.xGroupCreate(STREAM, GROUP, "0", { MKSTREAM: true }).catch((error) => {
  if (!error.message.startsWith("BUSYGROUP")) throw error; // it exists: fine
});

async function work(entry) {
  handle(JSON.parse(entry.message.event));
  await client.xAck(STREAM, GROUP, entry.id); // only when it is done
}

let stopping = false;
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => (stopping = true));

while (!stopping) {
  // What a consumer of the group left unfinished, one by one; then what is new.
  for (const { id } of await client.xPendingRange(STREAM, GROUP, "-", "+", 100, { IDLE: TAKE_OVER })) {
    for (const entry of await client.xClaim(STREAM, GROUP, ME, TAKE_OVER, id)) await work(entry);
  }
  const found = await client.xReadGroup(GROUP, ME, { key: STREAM, id: ">" }, { COUNT: 100, BLOCK: 1000 });
  for (const entry of found?.[0].messages ?? []) await work(entry);
}
await client.close();
