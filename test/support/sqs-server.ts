import { join } from 'node:path';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { toolPath } from '../../scripts/tools.mjs';
import { waitFor } from './wait-for.ts';

/** Runs a temporary ElasticMQ, which has the API of SQS and stores messages in memory. */
export class SqsServer {
  readonly #program = new ServerProcess('elasticmq');
  #port = 0;

  /** Starts the server. After `kill`, it uses the same port, and has no queues. */
  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await findFreePort();
    const program = this.#program;
    const settings = {
      'node-address.host': '127.0.0.1',
      'node-address.port': this.#port,
      'rest-sqs.bind-hostname': '127.0.0.1',
      'rest-sqs.bind-port': this.#port,
      'rest-stats.enabled': false,
    };
    const properties = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
    const jars = join(await toolPath('elasticmq'), '*');
    // The heap and the compiler are limited, because the process only serves small tests.
    const limits = ['-Xmx96m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    program.start('java', [...limits, ...properties, '-cp', jars, 'org.elasticmq.server.Main']);
    await waitFor(async () => program.exitOutput !== undefined || (await this.#isReady()));
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  kill(): Promise<void> {
    return this.#program.kill('SIGKILL');
  }

  remove(): Promise<void> {
    return this.#program.remove('SIGKILL');
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/?Action=ListQueues`);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
