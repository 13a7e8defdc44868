// Socket.IO: `emit` for an answer, `io.emit` for a fan-out. Stores nothing.
//
// The event `vote` goes back to its sender, the event `everybody` goes to all as `tally`.

import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer();
// No pings in the time of a run: they would be work that not every peer does.
const io = new Server(server, { transports: ["websocket"], serveClient: false, pingInterval: 3_600_000 });
io.on("connection", (client) => {
  client.on("vote", (vote) => client.emit("vote", vote));
  client.on("everybody", (tally) => io.emit("tally", tally));
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
