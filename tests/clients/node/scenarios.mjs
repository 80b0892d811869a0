// What every Node client must be able to do, stated once. Adapters (ioredis.mjs, node_redis.mjs)
// say how one client does it: `run` takes a command's words and calls the client's own method.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

const MANY = 10_000;
const MEGABYTE = 1 << 20;
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const within = (low, high) => (reply) =>
  assert.ok(low <= reply && reply <= high, `${reply} is not within ${low} and ${high}`);
const sorted = (expected) => (reply) => assert.deepEqual([...reply].sort(), expected);

// Each row is a command and its reply, or a check of its reply.
const STEPS = {
  "SET with EX": [
    ["SET key value EX 100", "OK"],
    ["GET key", "value"],
    ["TTL key", within(99, 100)],
    ["PTTL key", within(98_000, 100_000)],
  ],
  "SET with PX": [
    ["SET key value PX 100000", "OK"],
    ["PTTL key", within(98_000, 100_000)],
  ],
  "SET with NX and XX": [
    ["SET key value XX", null],
    ["SET key value NX", "OK"],
    ["SET key other NX", null],
    ["SET key other XX", "OK"],
    ["GET key", "other"],
  ],
  SETEX: [
    ["SETEX key 100 value", "OK"],
    ["GET key", "value"],
    ["TTL key", within(99, 100)],
  ],
  PSETEX: [
    ["PSETEX key 100000 value", "OK"],
    ["GET key", "value"],
    ["PTTL key", within(98_000, 100_000)],
  ],
  "TTL and PTTL of keys without expiry and of none": [
    ["SET key value", "OK"],
    ["TTL key", -1],
    ["PTTL key", -1],
    ["TTL none", -2],
    ["PTTL none", -2],
  ],
  PERSIST: [
    ["SET key value EX 100", "OK"],
    ["PERSIST key", 1],
    ["PERSIST key", 0],
    ["TTL key", -1],
  ],
  EXPIRE: [
    ["EXPIRE key 100", 0],
    ["SET key value", "OK"],
    ["EXPIRE key 100", 1],
    ["TTL key", within(99, 100)],
  ],
  EXPIREAT: [
    ["SET key value", "OK"],
    [`EXPIREAT key ${inAnHour()}`, 1],
    ["TTL key", within(3590, 3600)],
    ["EXPIREAT key 1", 1],
    ["GET key", null],
  ],
  "DEL of several keys": [
    ["MSET a 1 b 2 c 3", "OK"],
    ["DEL a b none", 2],
    ["EXISTS a b c", 1],
  ],
  "MSET and MGET": [
    ["MSET a 1 b 2", "OK"],
    ["MGET a none b", ["1", null, "2"]],
  ],
  "INCR, INCRBY, DECR and DECRBY": [
    ["INCR n", 1],
    ["INCRBY n 41", 42],
    ["DECR n", 41],
    ["DECRBY n 43", -2],
    ["GET n", "-2"],
  ],
  EXISTS: [
    ["SET a 1", "OK"],
    ["EXISTS a", 1],
    ["EXISTS a a none", 2],
    ["EXISTS none", 0],
  ],
  KEYS: [
    ["MSET user:1 a user:2 b item:1 c", "OK"],
    ["KEYS user:*", sorted(["user:1", "user:2"])],
    ["KEYS *:[1]", sorted(["item:1", "user:1"])],
    ["KEYS none*", []],
  ],
  GETDEL: [
    ["SET key value", "OK"],
    ["GETDEL key", "value"],
    ["GETDEL key", null],
    ["EXISTS key", 0],
  ],
};

const flows = {
  async "SCAN goes over 10,000 keys"({ client }) {
    const expected = Array.from({ length: MANY }, (_, n) => `key:${n}`);
    await client.run("MSET", ...expected.flatMap((key) => [key, "x"]));
    const found = new Set();
    for await (const key of client.scan("key:*")) found.add(key);
    assert.deepEqual([...found].sort(), [...expected].sort());
  },

  async "a pipeline of 10,000 commands answers in order"({ client }) {
    const replies = await client.pipeline(Array.from({ length: MANY }, () => ["INCR", "n"]));
    assert.deepEqual(replies, Array.from({ length: MANY }, (_, n) => n + 1));
  },

  async "a transaction answers once, with all replies"({ client }) {
    const replies = await client.transaction([["SET", "n", "1"], ["INCR", "n"], ["GET", "n"]]);
    assert.deepEqual(replies, ["OK", 2, "2"]);
  },

  async "a binary value of 1 MB comes back as it was"({ client }) {
    const value = Buffer.alloc(MEGABYTE);
    for (let at = 0; at < MEGABYTE; at += 1) value[at] = (at * 31 + (at >> 8)) & 255;
    await client.run("SET", "blob", value);
    assert.ok(value.equals(await client.getBuffer("blob")));
  },

  async "an error is of the client's own class"({ client }) {
    await client.run("SET", "key", "no number");
    await assert.rejects(client.run("INCR", "key"), (error) => {
      assert.ok(error instanceof client.errorClass, `${error.constructor.name}: ${error}`);
      assert.match(error.message, /^ERR value is not an integer or out of range$/);
      return true;
    });
    await assert.rejects(client.raw("NOSUCHCOMMAND", "x"), /^\S*Error: ERR unknown command/);
    assert.equal(await client.run("GET", "key"), "no number");
  },

  async "an expired key reads as null"({ client }) {
    await client.run("SET", "key", "value", "PX", 60);
    assert.equal(await client.run("GET", "key"), "value");
    await pause(90);
    assert.equal(await client.run("GET", "key"), null);
    assert.equal(await client.run("EXISTS", "key"), 0);
  },

  async "a killed connection comes back by itself"({ client, open }) {
    const other = await open();
    await client.run("SET", "key", "value");
    const before = await client.raw("CLIENT", "ID");
    const back = client.reconnected();
    assert.equal(await other.raw("CLIENT", "KILL", "ID", String(before)), 1);
    await back;
    assert.equal(await client.run("GET", "key"), "value");
    assert.notEqual(await client.raw("CLIENT", "ID"), before);
  },

  async "a killed subscriber hears again"({ client, open }) {
    const subscriber = await open();
    const id = await subscriber.raw("CLIENT", "ID");
    const heard = new Inbox();
    await subscriber.listen("SUBSCRIBE", "news", heard.add);
    const back = subscriber.reconnected();
    await client.raw("CLIENT", "KILL", "ID", String(id));
    await back;
    await heard.untilPublished(() => client.raw("PUBLISH", "news", "again"));
    assert.deepEqual(await heard.next(), ["news", "again"]);
  },

  ...Object.fromEntries(
    [
      ["SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH", "news"],
      ["PSUBSCRIBE", "PUNSUBSCRIBE", "PUBLISH", "n?w*"],
      ["SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH", "news"],
    ].map(([subscribe, unsubscribe, publish, name]) => [
      `${subscribe} hears what another publishes, and ends`,
      async ({ client, open }) => {
        const subscriber = await open();
        const heard = new Inbox();
        await subscriber.listen(subscribe, name, heard.add);
        assert.equal(await client.raw(publish, "news", "first"), 1);
        assert.equal(await client.raw(publish, "news", "söcond"), 1);
        assert.equal(await client.raw(publish, "other", "unheard"), 0);
        assert.deepEqual(await heard.next(), ["news", "first"]);
        assert.deepEqual(await heard.next(), ["news", "söcond"]);
        await subscriber.silence(unsubscribe, name);
        assert.equal(await client.raw(publish, "news", "late"), 0);
        // node-redis in RESP2 gives buffers on a connection that had shard channels.
        assert.equal(String(await subscriber.run("SET", "key", "after")), "OK");
        assert.equal(String(await subscriber.run("GET", "key")), "after");
        assert.equal(heard.size, 0);
      },
    ]),
  ),

  async "the connection has the client's name, library and protocol"({ client, open, protocol }) {
    const named = await open({ name: "named-by-test" });
    const list = await client.raw("CLIENT", "LIST");
    const line = String(list).split("\n").find((each) => each.includes("name=named-by-test"));
    assert.ok(line, list);
    assert.match(line, new RegExp(`resp=${protocol}`));
    const [setInfo] = await client.raw("COMMAND", "INFO", "client|setinfo");
    if (setInfo === null) return; // older than Redis 7.2
    assert.match(line, named.library);
    assert.match(line, /lib-ver=\d+\.\d+/);
  },

  async "another database is selected at set-up"({ client, open }) {
    const second = await open({ database: 2 });
    await second.run("SET", "key", "there");
    assert.equal(await client.run("GET", "key"), null);
    assert.equal(await second.run("GET", "key"), "there");
  },

  async "wrong credentials are refused with WRONGPASS"({ open }) {
    await assert.rejects(open({ username: "nobody", password: "wrong" }), /WRONGPASS/);
  },
};

// Messages in the order of their arrival.
class Inbox {
  #messages = [];
  #waiting = [];

  get size() {
    return this.#messages.length;
  }

  add = (channel, message) => {
    const waiting = this.#waiting.shift();
    if (waiting) waiting([channel, message]);
    else this.#messages.push([channel, message]);
  };

  async next() {
    return this.#messages.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  // A client may report itself ready before the server has its subscriptions again.
  async untilPublished(publish) {
    while ((await publish()) === 0) await pause(10);
  }
}

function follow(rows) {
  return async ({ client }) => {
    for (const [line, expected] of rows) {
      const reply = await client.run(...line.split(" "));
      if (typeof expected === "function") expected(reply);
      else assert.deepEqual(reply, expected, line);
    }
  };
}

export const scenarios = {
  ...Object.fromEntries(Object.entries(STEPS).map(([name, rows]) => [name, follow(rows)])),
  ...flows,
};
