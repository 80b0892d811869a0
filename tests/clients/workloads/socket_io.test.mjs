import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";
import { ioredis, nodeRedis } from "./clients.mjs";

const adapters = {
  "ioredis, patterns": async (context) => createAdapter(ioredis(context), ioredis(context)),
  "node-redis, patterns": async (context) =>
    createAdapter(await nodeRedis(context), await nodeRedis(context)),
  "node-redis, shard channels": async (context) =>
    createShardedAdapter(await nodeRedis(context), await nodeRedis(context)),
};

// A node of the site, with one browser connected to it. It is closed before its adapter's clients,
// since hooks run in order.
async function node(context, adapter) {
  const http = createServer();
  const site = new Server(http);
  context.after(() => site.close());
  site.adapter(await adapter(context));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const arrived = new Promise((resolve) => site.once("connection", resolve));
  const browser = connect(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"] });
  context.after(() => browser.disconnect());
  return { site, browser, socket: await arrived };
}

const heard = (emitter, event) =>
  new Promise((resolve) => emitter.once(event, (...words) => resolve(words)));

for (const [name, adapter] of Object.entries(adapters)) {
  test(`two nodes are one site: ${name}`, { timeout: 15_000 }, async (context) => {
    const one = await node(context, adapter);
    const other = await node(context, adapter);
    for (const { site } of [one, other]) {
      while ((await site.of("/").adapter.serverCount()) < 2) await pause(10);
    }

    const all = Promise.all([heard(one.browser, "news"), heard(other.browser, "news")]);
    one.site.emit("news", { n: 1 }, Buffer.from([0, 255]));
    for (const [data, binary] of await all) {
      assert.deepEqual(data, { n: 1 });
      assert.deepEqual([...new Uint8Array(binary)], [0, 255]);
    }

    await other.socket.join("room");
    const inRoom = heard(other.browser, "whisper");
    one.browser.once("whisper", () => assert.fail("heard outside of the room"));
    one.site.to("room").emit("whisper", "psst");
    assert.deepEqual(await inRoom, ["psst"]);

    const sockets = await one.site.fetchSockets();
    assert.deepEqual(sockets.map(({ id }) => id).sort(), [one.socket.id, other.socket.id].sort());

    other.site.on("ask", (question, answer) => answer(`${question}!`));
    assert.deepEqual(await one.site.serverSideEmitWithAck("ask", "who"), ["who!"]);

    other.browser.on("ping-me", (answer) => answer("pong"));
    const replies = await one.site.to("room").timeout(1000).emitWithAck("ping-me");
    assert.deepEqual(replies, ["pong"]);
  });
}
