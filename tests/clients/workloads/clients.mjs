// Connected clients for the workloads, closed when their test ends and all is answered.

import { Redis } from "ioredis";
import { createClient } from "redis";
import { server } from "../node/server.mjs";

export const ioredisOptions = {
  host: server.host,
  port: server.port,
  password: server.password,
  tls: server.ca && { ca: server.ca },
  maxRetriesPerRequest: null,
};

export async function nodeRedis(context, options = {}) {
  const socket = { host: server.host, port: server.port };
  if (server.ca) Object.assign(socket, { tls: true, ca: server.ca });
  const client = createClient({ socket, password: server.password, ...options });
  await client.connect();
  context.after(() => client.close());
  return client;
}

export function ioredis(context) {
  const client = new Redis(ioredisOptions);
  context.after(() => client.quit());
  return client;
}

// An Express application on a free port; gives its address.
export async function listen(context, application) {
  const listener = application.listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  context.after(() => listener.close());
  return `http://127.0.0.1:${listener.address().port}`;
}
