import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { listenOnFreePort } from './listen-on-free-port.ts';

export interface LambdaRuntimeOptions {
  /** Name of the handler, such as `handlers.get`. */
  readonly handler: string;
  /** Folder of the function. */
  readonly taskRoot: string;
  readonly env: NodeJS.ProcessEnv;
  /** Path of the Node binary. */
  readonly node: string;
  /** Whether the function has AWS' older runtime, which supports callbacks. Default: `false`. */
  readonly isOld?: boolean;
  /** Module for `--import` in `NODE_OPTIONS`. Default: the compiled `register` of this checkout. Undefined: none. */
  readonly register?: string | undefined;
}

/** Result of an invocation. */
export interface InvocationResult {
  readonly kind: 'response' | 'error' | 'timeout' | 'exit';
  readonly body: unknown;
  /** Time from the event to the result, in ms. */
  readonly durationMs: number;
}

interface PendingInvocation {
  readonly id: string;
  readonly event: unknown;
  readonly timeoutMs: number;
  readonly finish: (kind: InvocationResult['kind'], body: unknown) => void;
}

/** Lambda kills a process at its time limit. On a busy machine, its timers are late. */
const GRACE_MS = 2000;
const RUNTIMES = resolve('test/libraries/aws-lambda-ric/node_modules');

/**
 * Replaces AWS Lambda. Starts the JavaScript code of AWS' runtime (`aws-lambda-ric`) with a local runtime API. The
 * process is frozen with SIGSTOP while it waits for the next event, and killed when an invocation exceeds its time limit.
 * Only the native client of the runtime is replaced.
 */
export class LambdaRuntime {
  readonly #options: LambdaRuntimeOptions;
  readonly #server = createServer((request, response) => void this.#onRequest(request, response));
  #port = 0;
  #child: ChildProcess | undefined;
  /** Whether the process is ending, and must no longer be frozen. */
  #isEnding = false;
  /** The response of the runtime's request for the next event. */
  #waiting: ServerResponse | undefined;
  #pending: PendingInvocation | undefined;
  /** Output of all processes. */
  output = '';
  /** Number of processes that were started. */
  starts = 0;
  /** The error with which the last process failed to start. */
  initError: unknown;

  constructor(options: LambdaRuntimeOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#port = await listenOnFreePort(this.#server);
  }

  /** Thaws the process, or starts one, and invokes the function. Resolves when the result was received. */
  invoke(event: unknown, timeoutMs = 30_000): Promise<InvocationResult> {
    const startMs = performance.now();
    return new Promise((done) => {
      const finish: PendingInvocation['finish'] = (kind, body) => {
        clearTimeout(timer);
        this.#pending = undefined;
        done({ kind, body, durationMs: performance.now() - startMs });
      };
      // The start of the process is not part of the time limit.
      const timer = setTimeout(
        () => {
          void this.kill().then(() => finish('timeout', undefined));
        },
        timeoutMs + GRACE_MS + (this.#child ? 0 : 30_000),
      );
      this.#pending = { id: randomUUID(), event, timeoutMs, finish };
      if (this.#child) this.#child.kill('SIGCONT');
      else this.#startProcess();
      this.#sendEvent();
    });
  }

  /** Ends the process with a signal, as Lambda does before it removes an environment. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exited = once(child, 'exit');
    this.#isEnding = true;
    child.kill('SIGCONT');
    child.kill(signal);
    await exited;
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.kill();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #startProcess(): void {
    const { handler, taskRoot, env, node, isOld = false } = this.#options;
    const { register = resolve('dist/agent-package/register.js') } = this.#options;
    const stub = resolve('test/support/rapid-client-stub.cjs');
    const program = isOld ? 'aws-lambda-ric-3/bin/index.mjs' : 'aws-lambda-ric/index.mjs';
    this.starts += 1;
    this.#isEnding = false;
    this.#waiting = undefined;
    const child = spawn(node, [resolve(RUNTIMES, program), ...(isOld ? [handler] : [])], {
      cwd: taskRoot,
      env: {
        PATH: process.env.PATH,
        NODE_OPTIONS: `--require ${stub}${register ? ` --import ${register}` : ''}`,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${this.#port}`,
        AWS_LAMBDA_FUNCTION_NAME: 'orders',
        AWS_LAMBDA_FUNCTION_VERSION: '7',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
        AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/orders',
        AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/30/[7]0123456789abcdef',
        AWS_REGION: 'eu-central-1',
        LAMBDA_TASK_ROOT: taskRoot,
        ...(!isOld && { _HANDLER: handler }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    child.once('exit', (code, signal) => {
      if (this.#child === child) this.#child = undefined;
      this.#waiting = undefined;
      if (!this.#isEnding) this.#pending?.finish('exit', code ?? signal);
    });
  }

  #sendEvent(): void {
    const response = this.#waiting;
    const invocation = this.#pending;
    if (!response || !invocation) return;
    this.#waiting = undefined;
    const body = JSON.stringify(invocation.event);
    response.writeHead(200, {
      'content-length': Buffer.byteLength(body),
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.id,
      'lambda-runtime-deadline-ms': String(Date.now() + invocation.timeoutMs),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:0:function:orders',
      'lambda-runtime-trace-id': 'Root=1-0;Parent=0;Sampled=0',
    });
    response.end(body);
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.replace('/2018-06-01/runtime/', '') ?? '';
    if (path === 'invocation/next') {
      this.#waiting = response;
      // Without an event, Lambda freezes the process.
      if (this.#pending) this.#sendEvent();
      else if (!this.#isEnding) this.#child?.kill('SIGSTOP');
      return;
    }
    let text = '';
    try {
      for await (const chunk of request) text += chunk;
    } catch {
      // The process was killed.
      return;
    }
    response.writeHead(202).end('{}');
    if (path === 'init/error') this.initError = JSON.parse(text);
    else if (this.#pending && path.includes(this.#pending.id)) {
      this.#pending.finish(path.endsWith('/error') ? 'error' : 'response', parseBody(text));
    }
  }
}

/** The body of a stream can be any text. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
