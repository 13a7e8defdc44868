// Node's `ws`: the plain answer, the loop over all clients from its manual for a fan-out, and a page beside it. Stores nothing.
//
// A message that begins with `!` goes to everybody without it, any other one goes back to its sender.
// `node ws.mjs PAGE ENCODING GREETING` also serves the bytes of the file PAGE, which are in that content encoding, with a new cookie,
// and sends the text of the file GREETING to every new client.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const [pageFile, encoding, greetingFile] = process.argv.slice(2);
const page = pageFile ? readFileSync(pageFile) : Buffer.from("a page");
const greeting = greetingFile ? readFileSync(greetingFile) : null;
const EVERYBODY = "!".charCodeAt(0);

const server = createServer((request, response) => {
  response.writeHead(200, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": page.length,
    ...(encoding ? { "Content-Encoding": encoding } : {}),
    "Set-Cookie": `session=${randomBytes(16).toString("base64url")}; Path=/; HttpOnly; SameSite=Lax`,
  });
  response.end(page);
});

const sockets = new WebSocketServer({ server });
sockets.on("connection", (client) => {
  client.on("message", (data, isBinary) => {
    if (data[0] !== EVERYBODY) {
      client.send(data, { binary: isBinary });
      return;
    }
    const payload = data.subarray(1);
    for (const each of sockets.clients) each.send(payload, { binary: isBinary });
  });
  if (greeting) client.send(greeting, { binary: false });
});

server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
