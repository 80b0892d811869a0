import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { BasicClientSideCache } from "redis";
import { nodeRedis } from "./clients.mjs";

test("node-redis reads from its own memory until a key changes", { timeout: 10_000 }, async (context) => {
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
  const reader = await nodeRedis(context, { RESP: 3, clientSideCache: cache });
  const writer = await nodeRedis(context);
  await writer.set("key", "old");
  for (let turn = 0; turn < 3; turn += 1) assert.equal(await reader.get("key"), "old");
  assert.equal(cache.stats().missCount, 1);
  assert.equal(cache.stats().hitCount, 2);
  const write = async (...words) => {
    const invalidated = new Promise((resolve) => cache.once("invalidate", resolve));
    await writer.set(...words);
    assert.equal(String(await invalidated), "key");
  };
  await write("key", "new");
  assert.equal(await reader.get("key"), "new");
  await write("key", "short", { expiration: { type: "PX", value: 300 } });
  assert.equal(await reader.get("key"), "short");
  while ((await reader.get("key")) !== null) await pause(20);
});
