// The npm package capnweb against /rpc, over WebSocket and as HTTP batches.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { newHttpBatchRpcSession, newWebSocketRpcSession } from "capnweb";
import WebSocket from "ws";
import { server } from "./server.mjs";

globalThis.WebSocket ??= WebSocket; // Node has its own since version 22

const scheme = server.ca ? "s" : "";
const host = `127.0.0.1:${server.port}`;
const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
const ns = "default";

// What stands in the RPC session's way to the server, and counts.
function open(context) {
  const socket = new WebSocket(`ws${scheme}://${host}/rpc`, { headers });
  const $ = newWebSocketRpcSession(socket);
  const sent = [];
  const send = socket.send.bind(socket);
  socket.send = (text) => {
    sent.push(JSON.parse(text));
    send(text);
  };
  context.after(() => socket.close());
  return { $, socket, sent };
}

const batch = () =>
  newHttpBatchRpcSession(new Request(`http${scheme}://${host}/rpc`, { method: "POST", headers }));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const limit = { timeout: 15_000 };

test("values are set and got", limit, async (context) => {
  const { $ } = open(context);
  const cache = $.Cache(ns);
  await cache.flushall();
  await cache.set("key", "wörld");
  assert.equal(await cache.get("key"), "wörld");
  assert.equal(await cache.get("none"), null);
  await cache.set("brief", "x", { ttl: 100 });
  assert.ok((await cache.ttl("brief")) > 90);
  await cache.set("bytes", new Uint8Array([255, 0, 254]));
  assert.deepEqual([...(await cache.get("bytes"))], [255, 0, 254]);
  assert.equal(await cache.incr("n"), 1);
  assert.equal(await cache.incr("n", 41), 42);
  assert.equal(await cache.mset({ a: 1, b: "two" }), "OK");
  assert.deepEqual(await cache.mget(["a", "b", "none"]), ["1", "two", null]);
  assert.equal(await cache.expire("a", 100), 1);
  assert.deepEqual((await cache.keys("[ab]")).sort(), ["a", "b"]);
  assert.equal(await cache.invalidate("a", "b", "none"), 2);
});

test("a promise is an argument, in one round trip", limit, async (context) => {
  const { $, sent } = open(context);
  await $.Cache(ns).set("original", "text");
  const before = sent.length;
  const copied = $.Cache(ns).set("copy", $.Cache(ns).get("original"));
  await Promise.resolve();
  assert.ok(sent.slice(before).filter(([kind]) => kind === "push").length >= 4);
  await copied;
  assert.equal(await $.Cache(ns).get("copy"), "text");
});

test("many calls are one turn, and some are never awaited", limit, async (context) => {
  const { $ } = open(context);
  const keys = Array.from({ length: 300 }, (_, i) => `key:${i}`);
  await Promise.all(keys.map((key, i) => $.Cache(ns).set(key, i)));
  const found = await Promise.all(keys.map((key) => $.Cache(ns).get(key)));
  assert.deepEqual(found, keys.map((_, i) => String(i)));
  keys.forEach((key) => $.Cache(ns).invalidate(key));
  assert.deepEqual(await $.Cache(ns).keys("key:*"), []);
});

test("any command is a method, and one is there for all", limit, async (context) => {
  const { $ } = open(context);
  assert.equal(await $.command(ns, "ZADD", "board", 1.5, "ada", 2, "bob"), 2);
  assert.deepEqual(await $.Cache(ns).zrange("board", 0, -1, "WITHSCORES"), [["ada", 1.5], ["bob", 2]]);
  await $.Cache(ns).hset("hash", "field", "value");
  assert.deepEqual(await $.Cache(ns).hgetall("hash"), { field: "value" });
  assert.equal(await $.command(ns, "EVAL", "return ARGV[1]", 0, "x"), "x");
  await $.Cache(ns).set("big", "9007199254740993");
  assert.equal(await $.command(ns, "INCR", "big"), 9007199254740994n);
});

test("errors are rejections with Redis' words", limit, async (context) => {
  const { $ } = open(context);
  await $.Cache(ns).set("text", "x");
  await assert.rejects(async () => $.Cache(ns).lpush("text", "y"), /WRONGTYPE/);
  await assert.rejects(async () => $.Cache(ns).nosuch("text"), /not a function/);
  await assert.rejects(async () => $.nosuch(), /not a function/);
  await assert.rejects(async () => $.Cache("elsewhere").get("x"), /no namespace 'elsewhere'/);
  await assert.rejects(async () => $.Cache(ns).set("k", { an: "object" }), TypeError);
  await assert.rejects(async () => $.command(ns, "SELECT", 1), /about a connection/);
  await assert.rejects(async () => $.Cache(ns).set("k", $.Cache(ns).lpush("text", "y")), /WRONGTYPE/);
  assert.equal(await $.Cache(ns).get("text"), "x");
});

test("values are mapped on the server", limit, async (context) => {
  const { $ } = open(context);
  await $.Cache(ns).mset({ a: "x", b: "y", x: "1", y: "2" });
  const found = await $.Cache(ns).mget(["a", "b"]).map((key) => $.Cache(ns).get(key));
  assert.deepEqual(found, ["1", "2"]);
});

test("messages reach a callback until it is let go", limit, async (context) => {
  const { $ } = open(context);
  const other = open(context).$;
  const received = [];
  const listen = (message, channel) => void received.push([message, channel]);
  const subscription = await $.PubSub(ns).subscribe("news", listen);
  const pattern = await $.PubSub(ns).psubscribe("n*", (message) => void received.push(["pattern", message]));
  assert.equal(await other.PubSub(ns).publish("news", "hello"), 2);
  while (received.length < 2) await pause(5);
  assert.deepEqual(received, [["hello", "news"], ["pattern", "hello"]]);
  await pattern.unsubscribe();
  assert.equal(await other.PubSub(ns).publish("news", "again"), 1);
  subscription[Symbol.dispose]();
  while ((await other.PubSub(ns).publish("news", "gone")) > 0) await pause(5);
});

test("one caller computes and the others wait", limit, async (context) => {
  const sessions = Array.from({ length: 5 }, () => open(context).$);
  let computed = 0;
  const compute = async () => {
    computed++;
    await pause(100);
    return "value";
  };
  const calls = sessions.flatMap(($) => [1, 2].map(() => $.Cache(ns).getOrSet("lease", compute, { ttl: 100 })));
  assert.deepEqual(await Promise.all(calls), Array(10).fill("value"));
  assert.equal(computed, 1);
  assert.ok((await sessions[0].Cache(ns).ttl("lease")) > 90);
  assert.equal(await sessions[0].Cache(ns).getOrSet("plain", "given"), "given");
});

test("who fails, or leaves, hands the lease on", limit, async (context) => {
  const failing = open(context);
  const leaving = open(context);
  const last = open(context);
  const never = () => new Promise(() => {});
  const lost = leaving.$.Cache(ns).getOrSet("handed", never);
  lost.then(() => {}, () => {});
  await pause(50);
  const failed = failing.$.Cache(ns).getOrSet("handed", async () => {
    throw new Error("no luck");
  });
  failed.then(() => {}, () => {});
  await pause(50);
  const found = last.$.Cache(ns).getOrSet("handed", () => "at last");
  found.then(() => {}, () => {});
  await pause(50);
  leaving.socket.terminate();
  await assert.rejects(async () => failed, /no luck/);
  assert.equal(await found, "at last");
});

test("a stale value is given while one caller computes", limit, async (context) => {
  const { $ } = open(context);
  const other = open(context).$;
  const options = { ttl: 0.05, stale: 100 };
  assert.equal(await $.Cache(ns).getOrSet("stale", () => "old", options), "old");
  await pause(80);
  let finish;
  const renewed = $.Cache(ns).getOrSet("stale", () => new Promise((resolve) => (finish = resolve)), options);
  renewed.then(() => {}, () => {});
  while (!finish) await pause(5);
  assert.equal(await other.Cache(ns).getOrSet("stale", () => "not asked", options), "old");
  finish("new");
  assert.equal(await renewed, "new");
  assert.equal(await other.Cache(ns).get("stale"), "new");
});

test("a batch over HTTP is one request", limit, async () => {
  const $ = batch();
  const stored = $.Cache(ns).set("batched", "x");
  const copied = $.Cache(ns).set("copied", $.Cache(ns).get("batched"));
  const found = $.Cache(ns).get("copied");
  const failed = $.Cache(ns).lpush("batched", "y");
  const settled = await Promise.allSettled([stored, copied, found, failed]);
  assert.deepEqual(settled.slice(0, 3).map(({ value }) => value), ["OK", "OK", "x"]);
  assert.match(String(settled[3].reason), /WRONGTYPE/);
  const waiting = batch();
  const popped = waiting.command(ns, "BLPOP", "batch:queue", 5);
  const length = waiting.command(ns, "LLEN", "batch:queue");
  setTimeout(() => {
    const $ = batch();
    $.command(ns, "RPUSH", "batch:queue", "a", "b").then(() => {});
  }, 100);
  assert.deepEqual(await Promise.all([popped, length]), [["batch:queue", "a"], 1]);
});

test("a session without a token may do nothing", { ...limit, skip: !process.env.GUARDED }, async () => {
  const socket = new WebSocket(`ws${scheme}://${host}/rpc`);
  const [error] = await once(socket, "error");
  assert.match(String(error), /401/);
});
