// One line of JSON for each test that ended, and what else there is to say, for runner.py.

export default async function* reporter(events) {
  for await (const { type, data } of events) {
    if (type === "test:diagnostic") yield `${data.message}\n`;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const error = data.details.error;
    const failure = error && String(error.cause?.stack ?? error.stack ?? error);
    yield `${JSON.stringify({ name: data.name, failure: failure ?? null })}\n`;
  }
}
