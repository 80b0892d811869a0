import assert from "node:assert/strict";
import { Redis, ReplyError } from "ioredis";

const EVENTS = { SUBSCRIBE: "message", PSUBSCRIBE: "pmessage", SSUBSCRIBE: "smessage" };

export class IORedis {
  errorClass = ReplyError;
  library = /lib-name=ioredis/;

  constructor(server, { name, database, ...rest } = {}) {
    this.redis = new Redis({
      host: server.host,
      port: server.port,
      password: server.password,
      tls: server.ca && { ca: server.ca },
      protocol: server.protocol,
      connectionName: name,
      db: database,
      lazyConnect: true,
      ...rest,
    });
    this.failure = new Promise((_, reject) => this.redis.on("error", reject));
    this.failure.catch(() => {});
  }

  async open() {
    await Promise.race([this.redis.connect(), this.failure]);
    return this;
  }

  close() {
    this.redis.disconnect();
  }

  run(name, ...words) {
    return this.redis[name.toLowerCase()](...words);
  }

  raw(...words) {
    return this.redis.call(...words);
  }

  getBuffer(key) {
    return this.redis.getBuffer(key);
  }

  async *scan(match) {
    for await (const keys of this.redis.scanStream({ match, count: 500 })) yield* keys;
  }

  pipeline(commands) {
    return replies(queue(this.redis.pipeline(), commands));
  }

  transaction(commands) {
    return replies(queue(this.redis.multi(), commands));
  }

  reconnected() {
    return new Promise((resolve) => this.redis.once("ready", resolve));
  }

  async listen(subscribe, name, received) {
    this.redis.on(EVENTS[subscribe], (...words) => received(...words.slice(-2)));
    await this.redis[subscribe.toLowerCase()](name);
  }

  silence(unsubscribe, name) {
    return this.redis[unsubscribe.toLowerCase()](name);
  }

  static scenarios = {
    async "lazyConnect waits for the first command"({ adapter }) {
      assert.equal(adapter.redis.status, "wait");
      assert.equal(await adapter.redis.ping(), "PONG");
      assert.equal(adapter.redis.status, "ready");
    },

    async "the ready check reads INFO"({ adapter }) {
      let seen;
      adapter.redis.connector.check = (info) => {
        seen = info;
        return true;
      };
      await adapter.open();
      assert.match(seen.redis_version, /^\d+\.\d+\.\d+$/);
      assert.equal(seen.role, "master");
    },

    async "READONLY at set-up does no harm"({ client, open }) {
      await client.redis.set("key", "value");
      const { redis } = await open({ readOnly: true });
      assert.equal(await redis.get("key"), "value");
    },

    async "autopipelining sends the commands of one tick together"({ open }) {
      const { redis } = await open({ enableAutoPipelining: true });
      const written = Array.from({ length: 1000 }, (_, n) => redis.set(`key:${n}`, n));
      assert.equal(redis.autoPipelineQueueSize, 1000);
      assert.ok((await Promise.all(written)).every((reply) => reply === "OK"));
      const read = Array.from({ length: 1000 }, (_, n) => redis.get(`key:${n}`));
      assert.deepEqual(await Promise.all(read), Array.from({ length: 1000 }, (_, n) => `${n}`));
    },

    async "RESP3 replies can be asked for as objects"({ open, protocol }) {
      if (protocol !== 3) return;
      const { redis } = await open({ replyMapping: "resp3" });
      assert.equal((await redis.hello(3)).proto, 3);
      assert.equal((await redis.config("GET", "maxmemory")).maxmemory, "0");
    },
  };
}

function queue(pipeline, commands) {
  for (const [name, ...words] of commands) pipeline[name.toLowerCase()](...words);
  return pipeline;
}

async function replies(pipeline) {
  return (await pipeline.exec()).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
