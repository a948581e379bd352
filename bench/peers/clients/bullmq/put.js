// Puts N jobs in bulk, and waits until none is waiting or active.
import { setTimeout } from 'node:timers/promises';
import { Queue } from 'bullmq';

const jobs = Number(process.argv[2]);
const batch = 1000;
const payload = { payload: 'x'.repeat(100) };
const queue = new Queue('jobs', {
  connection: { path: process.env.REDIS_SOCKET },
  defaultJobOptions: { removeOnComplete: true },
});
await queue.waitUntilReady();

const start = process.hrtime.bigint();
for (let put = 0; put < jobs; put += batch) {
  await queue.addBulk(Array.from({ length: Math.min(batch, jobs - put) }, () => ({ name: 'noop', data: payload })));
}
for (;;) {
  const counts = await queue.getJobCounts('wait', 'active');
  if (counts.wait + counts.active === 0) break;
  await setTimeout(5);
}
console.log(JSON.stringify({ jobs, seconds: Number(process.hrtime.bigint() - start) / 1e9 }));
await queue.close();
