import assert from "node:assert/strict";
import test from "node:test";
import { FlowProducer, Queue, QueueEvents, Worker } from "bullmq";
import { ioredisOptions as connection } from "./clients.mjs";

const LIMIT = { timeout: 20_000 };

// A queue whose worker keeps what it did: [name, data, milliseconds since the start].
async function start(context, work = (job) => job.data, options = {}) {
  const name = context.name.replaceAll(/\W+/g, "-");
  const done = [];
  const begin = Date.now();
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  const worker = new Worker(
    name,
    async (job) => {
      const result = await work(job, queue);
      done.push([job.name, job.data, Date.now() - begin]);
      return result;
    },
    { connection, ...options },
  );
  context.after(() => Promise.all([worker.close(true), events.close(), queue.close()]));
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()]);
  const finished = async (count) => {
    while (done.length < count) await new Promise((resolve) => worker.once("completed", resolve));
    return done;
  };
  return { name, queue, events, worker, finished };
}

test("a job is worked on and its result comes back", LIMIT, async (context) => {
  const { queue, events } = await start(context, (job) => job.data.a + job.data.b);
  const job = await queue.add("sum", { a: 2, b: 3 });
  assert.equal(await job.waitUntilFinished(events), 5);
  assert.equal(await job.getState(), "completed");
});

test("a thousand jobs are each done once", LIMIT, async (context) => {
  const { queue, finished } = await start(context, (job) => job.data.n, { concurrency: 50 });
  await queue.addBulk(Array.from({ length: 1000 }, (_, n) => ({ name: "each", data: { n } })));
  const numbers = (await finished(1000)).map(([, data]) => data.n);
  assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: 1000 }, (_, n) => n));
});

test("urgent jobs come first", LIMIT, async (context) => {
  const { queue, worker, finished } = await start(context);
  await worker.pause();
  await queue.add("late", {}, { priority: 10 });
  await queue.add("early", {}, { priority: 1 });
  worker.resume();
  assert.deepEqual((await finished(2)).map(([name]) => name), ["early", "late"]);
});

test("a delayed job waits", LIMIT, async (context) => {
  const { queue, finished } = await start(context);
  await queue.add("later", { n: 1 }, { delay: 300 });
  assert.deepEqual(await queue.getJobCounts("delayed"), { delayed: 1 });
  const [[name, data, milliseconds]] = await finished(1);
  assert.deepEqual([name, data], ["later", { n: 1 }]);
  assert.ok(milliseconds >= 290, `done after ${milliseconds} ms`);
});

test("a failed job is tried again", LIMIT, async (context) => {
  const { queue, events } = await start(context, (job) => {
    if (job.attemptsMade < 2) throw new Error("not yet");
    return "at last";
  });
  const job = await queue.add("stubborn", {}, { attempts: 3, backoff: { type: "fixed", delay: 20 } });
  assert.equal(await job.waitUntilFinished(events), "at last");
});

test("a job that fails for good tells why", LIMIT, async (context) => {
  const { queue, events } = await start(context, () => {
    throw new Error("never");
  });
  const job = await queue.add("hopeless", {});
  await assert.rejects(job.waitUntilFinished(events), /never/);
  assert.deepEqual(await queue.getJobCounts("failed"), { failed: 1 });
});

test("a repeated job comes again and again", LIMIT, async (context) => {
  const { queue, finished } = await start(context);
  await queue.upsertJobScheduler("ticker", { every: 100 }, { name: "tick", data: { of: "clock" } });
  const done = await finished(3);
  await queue.removeJobScheduler("ticker");
  for (const [name, data] of done) assert.deepEqual([name, data], ["tick", { of: "clock" }]);
  assert.ok(done[2][2] - done[0][2] >= 150, "they came too fast");
});

test("a flow's parent has its children's results", LIMIT, async (context) => {
  const { name, events } = await start(context, async (job) =>
    job.name === "parent" ? job.getChildrenValues() : job.data.n * 10,
  );
  const flow = new FlowProducer({ connection });
  context.after(() => flow.close());
  const { job } = await flow.add({
    name: "parent",
    queueName: name,
    children: [1, 2, 3].map((n) => ({ name: "child", data: { n }, queueName: name })),
  });
  const values = Object.values(await job.waitUntilFinished(events));
  assert.deepEqual(values.sort((a, b) => a - b), [10, 20, 30]);
});

test("jobs are rate limited", LIMIT, async (context) => {
  const { queue, finished } = await start(context, undefined, {
    limiter: { max: 2, duration: 250 },
  });
  await queue.addBulk(Array.from({ length: 5 }, (_, n) => ({ name: "each", data: { n } })));
  const done = await finished(5);
  assert.deepEqual(done.map(([, data]) => data.n), [0, 1, 2, 3, 4]);
  assert.ok(done[4][2] - done[0][2] >= 450, "five jobs in less than two pauses");
});
