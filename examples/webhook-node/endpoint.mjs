// A web hook that prints incoming messages, each once. No package is needed.
import { createHmac, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const keys = process.env.WEBHOOK_SECRETS.split(/\s+/)
  .map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"))
  .filter((key) => key.length); // a blank at the end makes no key: with an empty one anybody could sign
const LONGEST = 32 * 1024 * 1024;
const TOLERANCE = 300; // seconds
const FILE = process.env.HANDLED ?? "handled.txt"; // better: your database, in one transaction

const handled = new Set(existsSync(FILE) ? readFileSync(FILE, "utf8").split("\n") : []);

function isSigned(headers, body) {
  const id = headers["webhook-id"];
  const time = headers["webhook-timestamp"] ?? "";
  if (!id || !/^\d{1,12}$/.test(time)) return false;
  if (Math.abs(Date.now() / 1000 - Number(time)) > TOLERANCE) return false;
  const wanted = keys.map((key) =>
    createHmac("sha256", key).update(`${id}.${time}.`).update(body).digest());
  return (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const [version, digest] = signature.split(",");
    const given = Buffer.from(digest ?? "", "base64");
    return version === "v1" &&
      wanted.some((each) => each.length === given.length && timingSafeEqual(each, given));
  });
}

function handle(event) {
  if (typeof event.id !== "string") throw new Error("no event: is the sink's mode binary?");
  if (handled.has(event.id)) return;
  if (event.type === "sms.message.received.v1") {
    console.log(event.data.from, event.data.text); // your work goes here
  }
  appendFileSync(FILE, `${event.id}\n`, { flush: true });
  handled.add(event.id);
}

async function answer(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > LONGEST) return 413;
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  if (!isSigned(request.headers, body)) return 401;
  [JSON.parse(body)].flat().forEach(handle); // a list in batch mode
  return 204;
}

createServer(async (request, response) => {
  let status = 503; // it comes again
  try {
    status = await answer(request);
  } catch (error) {
    console.error("not handled:", error.name);
  }
  response.writeHead(status, status === 413 ? { connection: "close" } : {}).end();
}).listen(Number(process.env.HOOK_PORT ?? 9000), "127.0.0.1");
