import assert from "node:assert/strict";
import test from "node:test";
import express from "express";
import { rateLimit } from "express-rate-limit";
import { RedisStore } from "rate-limit-redis";
import { ioredis, listen, nodeRedis } from "./clients.mjs";

async function limited(context, sendCommand, prefix) {
  const application = express();
  application.use(
    rateLimit({
      windowMs: 1000,
      limit: 3,
      standardHeaders: "draft-6",
      legacyHeaders: false,
      store: new RedisStore({ sendCommand, prefix }),
    }),
  );
  application.get("/", (_, response) => response.send("served"));
  return listen(context, application);
}

const senders = {
  "node-redis": async (context) => {
    const client = await nodeRedis(context);
    return (...words) => client.sendCommand(words);
  },
  ioredis: async (context) => {
    const client = ioredis(context);
    return (...words) => client.call(...words);
  },
};

for (const [client, connect] of Object.entries(senders)) {
  test(`two servers share a limit over ${client}`, { timeout: 10_000 }, async (context) => {
    const one = await limited(context, await connect(context), `limit:${client}:`);
    const other = await limited(context, await connect(context), `limit:${client}:`);
    const answers = [];
    for (const address of [one, other, one, other, one]) answers.push(await fetch(address));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 429, 429]);
    assert.deepEqual(
      answers.map(({ headers }) => headers.get("ratelimit-remaining")),
      ["2", "1", "0", "0", "0"],
    );
    await new Promise((resolve) => setTimeout(resolve, 1050));
    assert.equal((await fetch(other)).status, 200);
  });
}
