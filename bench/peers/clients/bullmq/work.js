// A worker that does nothing with each job, many at a time.
import { Worker } from 'bullmq';

const connection = { path: process.env.REDIS_SOCKET, maxRetriesPerRequest: null };
const worker = new Worker('jobs', async () => {}, {
  connection,
  concurrency: 100,
  removeOnComplete: { count: 0 },
  skipStalledCheck: true,
});
process.on('SIGTERM', () => worker.close(true).then(() => process.exit(0)));
