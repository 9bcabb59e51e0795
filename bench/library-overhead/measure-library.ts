import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import autocannon from 'autocannon';
import { type Agent, NO_AGENT } from '../overhead/agents.ts';
import type { LibraryDefinition } from './libraries.ts';

/** Measured cost of one run. */
export interface LibraryCost {
  readonly cpuMicros: number;
  /** Number of measured operations. */
  readonly operations: number;
}

const CONNECTIONS = 8;

/** A process that runs the operations of a library with an agent. */
export class MeasuredLibrary {
  readonly #definition: LibraryDefinition;
  readonly #service: DefinitionProcess;
  /** The client of a protocol runs without an agent. */
  readonly #client: DefinitionProcess | undefined;
  #port = 0;

  constructor(definition: LibraryDefinition, agent: Agent, env: NodeJS.ProcessEnv) {
    const file = copyDefinition(definition);
    this.#definition = definition;
    this.#service = new DefinitionProcess(file, 'service', agent, env);
    if (definition.kind === 'protocol')
      this.#client = new DefinitionProcess(file, 'client', NO_AGENT, env);
  }

  async start(): Promise<void> {
    this.#port = await this.#service.send<number>({ start: true });
    await this.#client?.send({ connect: this.#port });
  }

  /** Runs operations for a time in ms. */
  async measure(ms: number): Promise<LibraryCost> {
    if (this.#definition.kind === 'client') {
      const command = { measure: ms };
      const { count, micros } = await this.#service.send<{ count: number; micros: number }>(
        command,
      );
      return { operations: count, cpuMicros: micros / count };
    }
    const before = await this.#service.send<number>({ usage: true });
    const operations = this.#client
      ? (await this.#client.send<{ count: number }>({ measure: ms })).count
      : await sendRequests(`http://127.0.0.1:${this.#port}${this.#definition.path}`, ms);
    const after = await this.#service.send<number>({ usage: true });
    return { operations, cpuMicros: (after - before) / operations };
  }

  async kill(): Promise<void> {
    await Promise.all([this.#service.kill(), this.#client?.kill()]);
  }
}

/** Node.js finds packages from the folder of the file, also for `import()`. */
function copyDefinition({ name, file, folder }: LibraryDefinition): string {
  const target = resolve('test/libraries', folder, 'node_modules/.perfscope-bench');
  mkdirSync(target, { recursive: true });
  const copy = join(target, `${name}.cjs`);
  copyFileSync(file, copy);
  return copy;
}

async function sendRequests(url: string, ms: number): Promise<number> {
  const result = await autocannon({ url, connections: CONNECTIONS, duration: ms / 1000 });
  const { non2xx, errors } = result;
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests to ${url} failed`);
  return result['2xx'];
}

/** A process that runs a definition. */
class DefinitionProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(file: string, mode: 'service' | 'client', agent: Agent, env: NodeJS.ProcessEnv) {
    const program = resolve('bench/library-overhead/run-definition.mjs');
    this.#child = spawn(process.execPath, [...agent.flags, program, file, mode], {
      // The packages of other agents are found from here.
      cwd: 'bench/overhead',
      env: { ...env, ...agent.env, BENCH_AGENT: agent.name, NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit');
  }

  /** Sends a command, and returns its result. */
  async send<T = unknown>(command: object): Promise<T> {
    const ended = this.#exited.then(() => {
      throw new Error('The process ended.');
    });
    const answer = once(this.#child, 'message');
    this.#child.send(command);
    const [{ result, error }] = (await Promise.race([answer, ended])) as [
      { result?: T; error?: string },
    ];
    if (error !== undefined) throw new Error(error);
    return result as T;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
