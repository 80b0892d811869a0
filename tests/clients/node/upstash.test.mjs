// @upstash/redis and @upstash/ratelimit, with nothing but a URL and a token.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { MultiRegionRatelimit, Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import { server } from "./server.mjs";

const url = `${server.ca ? "https" : "http"}://127.0.0.1:${server.port}`;
const token = process.env.TOKEN;
const options = { url, token, enableTelemetry: false, retry: false };
const redis = new Redis(options);

beforeEach(() => redis.flushall());

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("values of all kinds come back as they were", async () => {
  for (const value of ["text", "", "wörld 🎉", 12, -1.5, true, null, [1, "a"], { a: { b: [1] } }]) {
    assert.equal(await redis.set("key", value), "OK");
    assert.deepEqual(await redis.get("key"), value);
  }
  assert.equal(await redis.get("none"), null);
});

test("options of commands are understood", async () => {
  assert.equal(await redis.set("key", "a", { ex: 100, nx: true }), "OK");
  assert.equal(await redis.set("key", "b", { nx: true }), null);
  assert.ok((await redis.ttl("key")) > 90);
  assert.equal(await redis.getset("key", "c"), "a");
  assert.deepEqual(await redis.mget("key", "none"), ["c", null]);
});

test("hashes, lists, sets and sorted sets have the SDK's shapes", async () => {
  assert.equal(await redis.hset("hash", { a: 1, b: "x", c: { d: 1 } }), 3);
  assert.deepEqual(await redis.hgetall("hash"), { a: 1, b: "x", c: { d: 1 } });
  assert.deepEqual(await redis.hmget("hash", "a", "z"), { a: 1, z: null });
  assert.equal(await redis.rpush("list", "a", "b", { c: 1 }), 3);
  assert.deepEqual(await redis.lrange("list", 0, -1), ["a", "b", { c: 1 }]);
  assert.equal(await redis.sadd("set", "a", "b"), 2);
  assert.deepEqual((await redis.smembers("set")).sort(), ["a", "b"]);
  assert.equal(await redis.zadd("zset", { score: 1.5, member: "x" }, { score: 2, member: "y" }), 2);
  assert.equal(await redis.zscore("zset", "x"), 1.5);
  assert.deepEqual(await redis.zrange("zset", 0, -1, { withScores: true }), ["x", 1.5, "y", 2]);
});

test("integers beyond what JavaScript holds stay exact", async () => {
  await redis.set("big", "9223372036854775806");
  assert.equal(String(await redis.incr("big")), "9223372036854775807");
  assert.equal(String(await redis.get("big")), "9223372036854775807");
});

test("pipelines and transactions answer each command", async () => {
  const pipeline = redis.pipeline();
  pipeline.set("key", "value").get("key").incr("count").hset("hash", { a: 1 });
  assert.deepEqual(await pipeline.exec(), ["OK", "value", 1, 1]);
  assert.deepEqual(await redis.multi().set("key", 1).incr("key").get("key").exec(), ["OK", 2, 2]);
  await assert.rejects(redis.multi().set("key", 1).lpush("key", "x").exec(), /WRONGTYPE/);
  const kept = await redis.pipeline().lpush("key", "x").get("key").exec({ keepErrors: true });
  assert.match(kept[0].error, /WRONGTYPE/);
  assert.equal(kept[1].result, 1);
});

test("commands of one turn are one pipeline", async () => {
  const automatic = new Redis({ ...options, enableAutoPipelining: true });
  const numbers = await Promise.all(Array.from({ length: 20 }, () => automatic.incr("count")));
  assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i + 1));
});

test("errors are Redis' own", async () => {
  await redis.set("key", "text");
  await assert.rejects(redis.incr("key"), /ERR value is not an integer or out of range/);
  await assert.rejects(redis.lpush("key", "x"), /WRONGTYPE/);
});

test("scripts and functions run", async () => {
  const script = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
  assert.deepEqual(await redis.eval(script, ["key"], ["x"]), ["key", "x", 1]);
  assert.deepEqual(await redis.createScript(script).exec(["key"], ["x"]), ["key", "x", 2]);
});

test("streams and scans are read", async () => {
  const id = await redis.xadd("stream", "*", { name: "a", n: 1 });
  assert.deepEqual(await redis.xrange("stream", "-", "+"), { [id]: { name: "a", n: 1 } });
  for (let n = 0; n < 50; n++) await redis.set(`key:${n}`, n);
  const found = new Set();
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, { match: "key:*", count: 10 });
    keys.forEach((key) => found.add(key));
    cursor = next;
  } while (cursor !== "0");
  assert.equal(found.size, 50);
});

async function heard(subscriber, event, publish) {
  const message = new Promise((resolve) => subscriber.on(event, resolve));
  await new Promise((resolve) => subscriber.on(event.startsWith("p") ? "psubscribe" : "subscribe", resolve));
  await publish();
  const received = await message;
  await subscriber.unsubscribe();
  return received;
}

test("messages reach subscribers of channels and patterns", { timeout: 10_000 }, async () => {
  const publish = () => redis.publish("news", { hello: "wörld" });
  assert.deepEqual(await heard(redis.subscribe(["news"]), "message", publish), {
    channel: "news",
    message: { hello: "wörld" },
  });
  assert.deepEqual(await heard(redis.psubscribe(["n*"]), "pmessage", publish), {
    pattern: "n*",
    channel: "news",
    message: { hello: "wörld" },
  });
});

const limiters = {
  "a fixed window": Ratelimit.fixedWindow(3, "1 h"),
  "a sliding window": Ratelimit.slidingWindow(3, "1 h"),
  "a token bucket": Ratelimit.tokenBucket(3, "1 h", 3),
  "a cached fixed window": Ratelimit.cachedFixedWindow(3, "1 h"),
};

for (const [name, limiter] of Object.entries(limiters)) {
  test(`${name} limits`, async () => {
    const ephemeralCache = new Map();
    const limit = new Ratelimit({ redis, limiter, ephemeralCache, prefix: name, analytics: true });
    const answers = [];
    for (let n = 0; n < 5; n++) answers.push(await limit.limit("user"));
    await Promise.all(answers.map(({ pending }) => pending));
    assert.deepEqual(answers.map(({ success }) => success), [true, true, true, false, false]);
    assert.equal((await limit.limit("other")).success, true);
    await limit.resetUsedTokens("user");
    ephemeralCache.clear();
    assert.equal((await limit.limit("user")).success, true);
    assert.equal((await limit.getRemaining("user")).remaining, 2);
  });
}

test("several regions limit together", async () => {
  for (const limiter of ["fixedWindow", "slidingWindow"]) {
    const limit = new MultiRegionRatelimit({
      redis: [redis, new Redis(options)],
      limiter: MultiRegionRatelimit[limiter](3, "1 h"),
      prefix: limiter,
    });
    const answers = [];
    for (let n = 0; n < 5; n++) {
      const answer = await limit.limit("user");
      await answer.pending;
      answers.push(answer.success);
    }
    assert.equal(answers[0], true);
    assert.equal(answers[4], false);
  }
});

test("who waits for a limit gets through", { timeout: 10_000 }, async () => {
  const limit = new Ratelimit({ redis, limiter: Ratelimit.fixedWindow(1, "1 s"), prefix: "wait" });
  assert.equal((await limit.blockUntilReady("user", 5000)).success, true);
  assert.equal((await limit.blockUntilReady("user", 5000)).success, true);
});

test("a wrong token is refused", { skip: !process.env.GUARDED }, async () => {
  const stranger = new Redis({ ...options, token: "wrong" });
  await assert.rejects(stranger.get("key"), /WRONGPASS/);
});

test("requests wait for keys", { timeout: 10_000 }, async () => {
  const waiting = redis.exec(["BLPOP", "queue", "5"]);
  await pause(100);
  await redis.rpush("queue", "job");
  assert.deepEqual(await waiting, ["queue", "job"]);
});
