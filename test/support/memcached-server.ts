import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

/** Runs a temporary memcached with 16 MB of memory. */
export class MemcachedServer {
  readonly #program = new ServerProcess('memcached', 'nobody');
  #port = 0;

  async start(): Promise<void> {
    const program = this.#program;
    this.#port = await findFreePort();
    program.start('memcached', ['-l', '127.0.0.1', '-p', String(this.#port), '-m', '16']);
    await waitFor(async () => program.exitOutput !== undefined || canConnect(this.#port));
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  kill(): Promise<void> {
    return this.#program.kill('SIGKILL');
  }

  remove(): Promise<void> {
    return this.#program.remove();
  }
}
