import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import autocannon from 'autocannon';
import type { Agent } from './agents.ts';

/** Measured cost of one run of a service. */
export interface Cost {
  cpuMicrosPerRequest: number;
  rssMb: number;
  startMs: number;
}

const CONNECTIONS = 8;

/** Starts the service with an agent, warms it up, and measures the cost of a fixed number of requests. */
export async function measureCost(
  agent: Agent,
  path: string,
  requests: number,
  env: NodeJS.ProcessEnv,
): Promise<Cost> {
  const child = spawn(process.execPath, [...agent.flags, 'app.cjs'], {
    cwd: 'bench/overhead',
    env: { ...env, ...agent.env, BENCH_AGENT: agent.name, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  try {
    const { port, startMs } = await receiveMessage<{ port: number; startMs: number }>(child);
    const url = `http://127.0.0.1:${port}${path}`;
    await sendRequests(url, Math.ceil(requests / 2));
    const before = await requestUsage(child);
    await sendRequests(url, requests);
    const after = await requestUsage(child);
    const micros = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
    return { cpuMicrosPerRequest: micros / requests, rssMb: after.rssMb, startMs };
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
