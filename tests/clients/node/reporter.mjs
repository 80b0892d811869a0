// One line of JSON for each test that ended, which test_node.py reads.

export default async function* reporter(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const error = data.details.error;
    const failure = error && String(error.cause?.stack ?? error.stack ?? error);
    yield `${JSON.stringify({ name: data.name, failure: failure ?? null })}\n`;
  }
}
