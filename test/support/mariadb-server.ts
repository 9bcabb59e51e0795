import { existsSync } from 'node:fs';
import { findExecutable, findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

/** Debian doesn't put the server on the `PATH` of all users. */
const FOLDERS = ['/usr/sbin', '/opt/homebrew/opt/mariadb/bin'];

/** Runs a temporary MariaDB server with the user `demo`, who has no password. */
export class MariadbServer {
  readonly #program = new ServerProcess('mariadb', 'mysql');
  #port = 0;

  async start(): Promise<void> {
    const program = this.#program;
    this.#port = await findFreePort();
    const bin = (name: string) => findExecutable(name, FOLDERS) ?? name;
    const data = program.makeFolder('data');
    program.run(bin('mariadb-install-db'), [
      ...['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal'],
      ...['--skip-test-db', '--skip-name-resolve'],
    ]);
    const socket = `${program.folder}/mariadb.sock`;
    program.start(bin('mariadbd'), [
      ...['--no-defaults', `--datadir=${data}`, '--bind-address=127.0.0.1'],
      ...[`--port=${this.#port}`, `--socket=${socket}`, '--skip-name-resolve'],
      ...['--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=16M'],
    ]);
    const isReady = async () => existsSync(socket) && (await canConnect(this.#port));
    await waitFor(async () => program.exitOutput !== undefined || isReady());
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
    const users = ["CREATE USER demo@'127.0.0.1'", 'CREATE DATABASE demo'];
    const statements = [...users, "GRANT ALL ON demo.* TO demo@'127.0.0.1'"].join('; ');
    program.run(bin('mariadb'), ['--no-defaults', '-u', 'root', `-S${socket}`, '-e', statements]);
  }

  get url(): string {
    return `mysql://demo@127.0.0.1:${this.#port}/demo`;
  }

  remove(): Promise<void> {
    return this.#program.remove();
  }
}
