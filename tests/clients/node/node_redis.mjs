import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { createClient, ErrorReply, RESP_TYPES } from "redis";

// How node-redis wants the words of a command where a spread will not do, and its method's name.
const expiration = (option, amount) =>
  amount === undefined
    ? option && { condition: option }
    : { expiration: { type: option, value: Number(amount) } };
const METHODS = {
  DECR: ["decr"],
  DECRBY: ["decrBy", (key, amount) => [key, Number(amount)]],
  DEL: ["del", (...keys) => [keys]],
  EXISTS: ["exists", (...keys) => [keys]],
  EXPIRE: ["expire", (key, seconds) => [key, Number(seconds)]],
  EXPIREAT: ["expireAt", (key, seconds) => [key, Number(seconds)]],
  GET: ["get"],
  GETDEL: ["getDel"],
  INCR: ["incr"],
  INCRBY: ["incrBy", (key, amount) => [key, Number(amount)]],
  KEYS: ["keys"],
  MGET: ["mGet", (...keys) => [keys]],
  MSET: ["mSet", (...words) => [words]],
  PERSIST: ["persist"],
  PSETEX: ["pSetEx", (key, milliseconds, value) => [key, Number(milliseconds), value]],
  PSUBSCRIBE: ["pSubscribe"],
  PTTL: ["pTTL"],
  PUNSUBSCRIBE: ["pUnsubscribe"],
  SET: ["set", (key, value, ...options) => [key, value, expiration(...options)]],
  SETEX: ["setEx", (key, seconds, value) => [key, Number(seconds), value]],
  SSUBSCRIBE: ["sSubscribe"],
  SUBSCRIBE: ["subscribe"],
  SUNSUBSCRIBE: ["sUnsubscribe"],
  TTL: ["ttl"],
  UNSUBSCRIBE: ["unsubscribe"],
};

function call(target, [name, ...words]) {
  const [method, shape = (...same) => same] = METHODS[name];
  return target[method](...shape(...words));
}

export class NodeRedis {
  errorClass = ErrorReply;
  library = /lib-name=node-redis/;

  constructor(server, options = {}) {
    this.redis = createClient({
      socket: {
        host: server.host,
        port: server.port,
        ...(server.ca && { tls: true, ca: server.ca }),
      },
      password: server.password,
      RESP: server.protocol,
      ...options,
    });
    // It would try again for ever; the first error tells what a scenario wants to know.
    this.failure = new Promise((_, reject) => this.redis.on("error", reject));
    this.failure.catch(() => {});
  }

  async open() {
    await Promise.race([this.redis.connect(), this.failure]);
    return this;
  }

  close() {
    if (this.redis.isOpen) this.redis.destroy();
  }

  run(...words) {
    return call(this.redis, words);
  }

  raw(...words) {
    return this.redis.sendCommand(words);
  }

  getBuffer(key) {
    return this.redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get(key);
  }

  async *scan(match) {
    for await (const keys of this.redis.scanIterator({ MATCH: match, COUNT: 500 })) yield* keys;
  }

  pipeline(commands) {
    return this.#queue(commands).execAsPipeline();
  }

  transaction(commands) {
    return this.#queue(commands).exec();
  }

  #queue(commands) {
    return commands.reduce(call, this.redis.multi());
  }

  reconnected() {
    return new Promise((resolve) => this.redis.once("ready", resolve));
  }

  listen(subscribe, name, received) {
    return this.redis[METHODS[subscribe][0]](name, (message, channel) => received(channel, message));
  }

  silence(unsubscribe, name) {
    return this.redis[METHODS[unsubscribe][0]](name);
  }

  static scenarios = {
    async "a health check pings at its interval"({ open }) {
      const { redis } = await open({ pingInterval: 20 });
      const pongs = [];
      redis.on("ping-interval", (reply) => pongs.push(reply));
      for (let turn = 0; pongs.length < 2 && turn < 100; turn += 1) await pause(20);
      assert.deepEqual(pongs.slice(0, 2), ["PONG", "PONG"]);
    },

    async "a pool lends connections"({ adapter }) {
      const pool = adapter.redis.createPool({ cleanupDelay: 10 });
      await pool.connect();
      try {
        const replies = await Promise.all(Array.from({ length: 50 }, () => pool.incr("n")));
        assert.deepEqual(replies.sort((a, b) => a - b), Array.from({ length: 50 }, (_, n) => n + 1));
      } finally {
        pool.destroy();
      }
    },

    async "JSON documents are set, searched and changed"({ client: { redis } }) {
      const bike = { model: "Phoebe", price: 1920, specs: { weight: 13.1 }, colors: ["black"] };
      if ((await redis.sendCommand(["COMMAND", "INFO", "JSON.GET"]))[0] === null) return;
      assert.equal(await redis.json.set("bike", "$", bike), "OK");
      assert.deepEqual(await redis.json.get("bike"), bike);
      assert.deepEqual(await redis.json.get("bike", { path: "$..weight" }), [13.1]);
      assert.equal(await redis.json.get("none"), null);
      assert.deepEqual(await redis.json.type("bike", { path: "$.specs" }), ["object"]);
      assert.deepEqual(await redis.json.numIncrBy("bike", "$.price", -100.5), [1819.5]);
      assert.deepEqual(await redis.json.strAppend("bike", " II", { path: "$.model" }), [9]);
      assert.deepEqual(await redis.json.arrAppend("bike", "$.colors", "silver", [1]), [3]);
      assert.deepEqual(await redis.json.arrIndex("bike", "$.colors", "silver"), [1]);
      assert.deepEqual(await redis.json.arrPop("bike", { path: "$.colors" }), [[1]]);
      assert.deepEqual(await redis.json.objKeys("bike", { path: "$.specs" }), [["weight"]]);
      assert.equal(await redis.json.merge("bike", "$", { specs: null, sold: false }), "OK");
      assert.deepEqual(await redis.json.toggle("bike", "$.sold"), [1]);
      assert.deepEqual(await redis.json.mGet(["bike", "none"], "$.sold"), [[true], null]);
      assert.equal(await redis.json.del("bike", { path: "$.colors[0]" }), 1);
      assert.deepEqual(await redis.json.get("bike"), {
        model: "Phoebe II",
        price: 1819.5,
        colors: ["silver"],
        sold: true,
      });
    },

    async "a subscriber in RESP3 runs commands between messages"({ client, protocol }) {
      if (protocol !== 3) return;
      const heard = new Promise((resolve) => client.redis.subscribe("news", resolve));
      assert.equal(await client.redis.publish("news", "to itself"), 1);
      assert.equal(await heard, "to itself");
      assert.equal(await client.redis.set("key", "value"), "OK");
      await client.redis.unsubscribe("news");
    },
  };
}
