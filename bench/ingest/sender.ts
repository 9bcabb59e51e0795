// Sends metrics over OTLP/HTTP in protobuf, and prints the result as JSON. Usage: node sender.ts OPTIONS, where OPTIONS
// is a JSON object.
import { Agent, request as startRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { createInstances, type MetricBatches, POINTS_PER_BATCH } from './metric-batches.ts';

export interface SenderOptions {
  url: string;
  /** Number of processes that send metrics, with 512 series each. */
  instances: number;
  /** Number of requests at the same time. */
  connections: number;
  /** Number of points to send. */
  points: number;
  /** 0 sends as fast as possible. */
  pointsPerSecond: number;
  /** Start of the cumulative series. */
  startTimeMs: number;
}

export interface SenderResult {
  points: number;
  /** Number of requests that were sent again, because the receiver wanted them later or closed the connection. */
  retries: number;
  /** Until the last response. */
  seconds: number;
  /** Texts of responses that reported rejected points. */
  warnings: string[];
}

const RETRY_MS = 200;
/** The Collector writes the field without content if it accepted all points. */
const EMPTY_PARTIAL_SUCCESS_LENGTH = 2;
const RETRY_STATUSES: readonly (number | string | undefined)[] = [429, 503, 'ECONNRESET'];
const options = JSON.parse(process.argv[2]!) as SenderOptions;
const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
const senders = createInstances(options.instances, options.startTimeMs);
const lastTimes = new Map<MetricBatches, number>();
const result: SenderResult = { points: 0, retries: 0, seconds: 0, warnings: [] };
const batches = Math.ceil(options.points / POINTS_PER_BATCH);
const startMs = performance.now();
let next = 0;

/** Sends batches in turn with the other connections. */
async function sendBatches(): Promise<void> {
  while (next < batches) {
    const batch = next++;
    if (options.pointsPerSecond > 0) {
      const dueMs = startMs + (batch * POINTS_PER_BATCH * 1000) / options.pointsPerSecond;
      const waitMs = dueMs - performance.now();
      if (waitMs > 1) await delay(waitMs);
    }
    const sender = senders[batch % senders.length]!;
    // Two batches of one process must not have the same time, because they would replace each other.
    const timeMs = Math.max(Date.now(), (lastTimes.get(sender) ?? 0) + 1);
    lastTimes.set(sender, timeMs);
    await deliver(sender.nextBody(timeMs));
    result.points += POINTS_PER_BATCH;
  }
}

async function deliver(body: Buffer): Promise<void> {
  for (;;) {
    const { status, content } = await post(body);
    if (status === 200) {
      if (content.length > EMPTY_PARTIAL_SUCCESS_LENGTH) result.warnings.push(content);
      return;
    }
    if (!RETRY_STATUSES.includes(status)) throw new Error(`status ${status}: ${content}`);
    result.retries += 1;
    await delay(RETRY_MS);
  }
}

function post(body: Buffer): Promise<{ status: number | string | undefined; content: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length };
    const request = startRequest(options.url, { method: 'POST', agent, headers }, (response) => {
      text(response).then((content) => resolve({ status: response.statusCode, content }), reject);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ status: error.code, content: error.message });
    });
    request.end(body);
  });
}

await Promise.all(Array.from({ length: options.connections }, sendBatches));
result.seconds = (performance.now() - startMs) / 1000;
result.warnings = result.warnings.slice(0, 5);
agent.destroy();
console.log(JSON.stringify(result));
