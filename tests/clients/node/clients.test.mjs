// One client with one protocol, told by the environment (see test_node.py): every scenario is a test.

import test from "node:test";
import { IORedis } from "./ioredis.mjs";
import { NodeRedis } from "./node_redis.mjs";
import { scenarios } from "./scenarios.mjs";
import { server } from "./server.mjs";

const LIMIT = 20_000;
const Adapter = { ioredis: IORedis, "node-redis": NodeRedis }[process.env.CLIENT];
const protocol = Number(process.env.PROTOCOL);

for (const [name, scenario] of Object.entries({ ...scenarios, ...Adapter.scenarios })) {
  test(name, { timeout: LIMIT }, async () => {
    const adapters = [];
    const make = (options) => {
      adapters.push(new Adapter({ ...server, protocol }, options));
      return adapters.at(-1);
    };
    const open = (options) => make(options).open();
    try {
      const client = await open();
      await client.raw("FLUSHALL");
      await scenario({ client, open, adapter: make(), protocol });
    } finally {
      for (const adapter of adapters) adapter.close();
    }
  });
}
