// WebSockets: ioredis over the subprotocol `resp`, and JSON as a browser would speak it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import Redis from "ioredis";
import WebSocket, { createWebSocketStream } from "ws";
import { server } from "./server.mjs";

const url = `${server.ca ? "wss" : "ws"}://127.0.0.1:${server.port}`;
const options = { headers: { Authorization: `Bearer ${process.env.TOKEN}` } };

// What ioredis calls to get a stream; the TLS is the WebSocket's.
class Connector {
  constructor() {
    this.connecting = false;
  }
  check() {
    return true;
  }
  async connect() {
    this.connecting = true;
    const socket = new WebSocket(url, "resp", options);
    await once(socket, "open");
    const duplex = createWebSocketStream(socket);
    for (const name of ["setKeepAlive", "setNoDelay", "setTimeout"]) duplex[name] = () => duplex;
    return (this.stream = duplex);
  }
  disconnect() {
    this.connecting = false;
    this.stream?.end();
  }
}

test("ioredis works over a WebSocket", { timeout: 10_000 }, async (context) => {
  const redis = new Redis({ Connector });
  const subscriber = new Redis({ Connector });
  context.after(() => [redis, subscriber].forEach((client) => client.disconnect()));
  await redis.flushall();
  assert.equal(await redis.set("key", "x".repeat(200_000)), "OK");
  assert.equal((await redis.get("key")).length, 200_000);
  assert.deepEqual(await redis.multi().incr("n").incr("n").exec(), [[null, 1], [null, 2]]);
  await subscriber.subscribe("news");
  const message = once(subscriber, "message");
  await redis.publish("news", "hello");
  assert.deepEqual(await message, ["news", "hello"]);
  const numbers = await Promise.all(Array.from({ length: 500 }, () => redis.incr("many")));
  assert.deepEqual(numbers, Array.from({ length: 500 }, (_, i) => i + 1));
  await redis.flushall();
});

test("JSON needs no client at all", { timeout: 10_000 }, async () => {
  const socket = new WebSocket(url, options);
  const received = [];
  socket.on("message", (text) => received.push(JSON.parse(text)));
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, subscribe: ["news"] }));
  socket.send(JSON.stringify({ id: 2, command: ["PUBLISH", "news", "wörld 🎉"] }));
  while (received.length < 3) await once(socket, "message");
  assert.deepEqual(received, [
    { id: 1, result: ["news"] },
    { id: 2, result: 1 },
    { event: "message", channel: "news", message: "wörld 🎉" },
  ]);
  socket.close();
  const [code] = await once(socket, "close");
  assert.equal(code, 1005);
});
