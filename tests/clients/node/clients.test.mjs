// One client in one mode, told by the environment (see test_node.py): every scenario is a test.

import { readFileSync } from "node:fs";
import test from "node:test";
import { IORedis } from "./ioredis.mjs";
import { NodeRedis } from "./node_redis.mjs";
import { scenarios } from "./scenarios.mjs";

const LIMIT = 20_000;
const Adapter = { ioredis: IORedis, "node-redis": NodeRedis }[process.env.CLIENT];
const server = {
  host: "127.0.0.1",
  port: Number(process.env.SERVER_PORT),
  password: process.env.SERVER_PASSWORD || undefined,
  ca: process.env.SERVER_CA ? readFileSync(process.env.SERVER_CA) : undefined,
  protocol: Number(process.env.PROTOCOL),
};

for (const [name, scenario] of Object.entries({ ...scenarios, ...Adapter.scenarios })) {
  test(name, { timeout: LIMIT }, async () => {
    const adapters = [];
    const make = (options) => {
      adapters.push(new Adapter(server, options));
      return adapters.at(-1);
    };
    const open = (options) => make(options).open();
    try {
      const client = await open();
      await client.raw("FLUSHALL");
      await scenario({ client, open, adapter: make(), protocol: server.protocol });
    } finally {
      for (const adapter of adapters) adapter.close();
    }
  });
}
