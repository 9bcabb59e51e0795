import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { toolPath } from '../../scripts/tools.mjs';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

/** Runs a temporary FerretDB, which has MongoDB's protocol and stores its data in SQLite. */
export class FerretdbServer {
  readonly #program = new ServerProcess('ferretdb');
  #port = 0;

  async start(): Promise<void> {
    const program = this.#program;
    this.#port = await findFreePort();
    // With `mode=memory`, updates hang.
    program.start(await toolPath('ferretdb'), [
      ...['--handler=sqlite', `--sqlite-url=file:${program.makeFolder('data')}/`],
      ...[`--listen-addr=127.0.0.1:${this.#port}`, '--debug-addr=-', '--telemetry=disable'],
      ...[`--state-dir=${program.makeFolder('state')}`, '--log-level=ERROR'],
    ]);
    await waitFor(async () => program.exitOutput !== undefined || canConnect(this.#port));
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  get url(): string {
    return `mongodb://127.0.0.1:${this.#port}`;
  }

  remove(): Promise<void> {
    return this.#program.remove();
  }
}
