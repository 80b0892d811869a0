import assert from "node:assert/strict";
import test from "node:test";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { listen, nodeRedis } from "./clients.mjs";

async function site(context, client) {
  const application = express();
  application.use(
    session({
      store: new RedisStore({ client, prefix: "session:", ttl: 60 }),
      secret: "for this test",
      resave: false,
      saveUninitialized: false,
    }),
  );
  application.get("/visit", (request, response) => {
    request.session.visits = (request.session.visits ?? 0) + 1;
    response.json(request.session.visits);
  });
  application.get("/leave", (request, response) =>
    request.session.destroy(() => response.json("bye")),
  );
  return listen(context, application);
}

test("a session is known to every server, until it is left", { timeout: 10_000 }, async (context) => {
  const client = await nodeRedis(context);
  const one = await site(context, client);
  const other = await site(context, await nodeRedis(context));
  const first = await fetch(`${one}/visit`);
  assert.equal(await first.json(), 1);
  const headers = { cookie: first.headers.get("set-cookie").split(";")[0] };
  assert.equal(await (await fetch(`${other}/visit`, { headers })).json(), 2);
  assert.equal(await (await fetch(`${one}/visit`, { headers })).json(), 3);
  assert.equal(await (await fetch(`${one}/visit`)).json(), 1);

  const store = new RedisStore({ client, prefix: "session:" });
  const sessions = await store.all();
  assert.deepEqual(sessions.map(({ visits }) => visits).sort(), [1, 3]);
  const ids = await store.ids();
  const left = await Promise.all(ids.map((id) => client.ttl(`session:${id}`)));
  for (const seconds of left) assert.ok(seconds > 50 && seconds <= 60, `${seconds} s left`);

  await fetch(`${one}/leave`, { headers });
  assert.equal(await store.length(), 1);
  assert.equal(await (await fetch(`${other}/visit`, { headers })).json(), 1);
  await store.clear();
  assert.equal(await store.length(), 0);
});
