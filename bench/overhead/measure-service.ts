import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import type { Agent } from './agents.ts';

/** Measured cost of one run of a service. */
export interface Cost {
  cpuMicrosPerRequest: number;
  /** CPU time per request of the first thousand requests of the process, while its code is not optimized yet. */
  firstCpuMicrosPerRequest: number;
  rssMb: number;
  startMs: number;
}

export interface MeasureOptions {
  readonly agent: Agent;
  readonly path: string;
  /** Number of requests before the measurement, and in it. */
  readonly warmUpRequests: number;
  readonly requests: number;
  /** Time after the start before the first request, in ms. */
  readonly settleMs: number;
  readonly env: NodeJS.ProcessEnv;
  /** Path of the Node binary. Default: the current one. */
  readonly node?: string | undefined;
}

const CONNECTIONS = 8;
const FIRST_REQUESTS = 1000;

/** Starts the service with an agent, warms it up, and measures the cost of a fixed number of requests. */
export async function measureCost(options: MeasureOptions): Promise<Cost> {
  const { agent, path, warmUpRequests, requests, settleMs, env, node = process.execPath } = options;
  const child = spawn(node, [...agent.flags, 'app.cjs'], {
    cwd: 'bench/overhead',
    env: { ...env, ...agent.env, BENCH_AGENT: agent.name, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  try {
    const { port, startMs } = await receiveMessage<{ port: number; startMs: number }>(child);
    const url = `http://127.0.0.1:${port}${path}`;
    const measure = async (amount: number) => {
      const before = await requestUsage(child);
      await sendRequests(url, amount);
      const after = await requestUsage(child);
      const micros = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
      return { cpuMicrosPerRequest: micros / amount, rssMb: after.rssMb };
    };
    // The start has its own benchmark.
    await delay(settleMs);
    const first = await measure(FIRST_REQUESTS);
    await sendRequests(url, warmUpRequests - FIRST_REQUESTS);
    const cost = await measure(requests);
    return { ...cost, firstCpuMicrosPerRequest: first.cpuMicrosPerRequest, startMs };
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function sendRequests(url: string, amount: number): Promise<void> {
  const headers = { 'x-organization-id': 'grand-hotels', 'x-property-id': 'seaside' };
  const result = await autocannon({ url, amount, connections: CONNECTIONS, headers });
  if (result['2xx'] !== amount) throw new Error(`${result['2xx']} of ${amount} requests succeeded`);
}

function requestUsage(child: ChildProcess): Promise<{ cpu: NodeJS.CpuUsage; rssMb: number }> {
  child.send('usage');
  return receiveMessage(child);
}

async function receiveMessage<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the service exited with code ${code}`);
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message as T;
}
