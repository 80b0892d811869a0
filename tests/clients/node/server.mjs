// The server to connect to, as the tests in Python tell it by the environment.

import { readFileSync } from "node:fs";

const { SERVER_PORT, SERVER_PASSWORD, SERVER_CA } = process.env;

export const server = {
  host: "127.0.0.1",
  port: Number(SERVER_PORT),
  password: SERVER_PASSWORD || undefined,
  ca: SERVER_CA ? readFileSync(SERVER_CA) : undefined,
};
