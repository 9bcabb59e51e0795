import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

/** Runs a temporary ClickHouse with its HTTP interface. */
export class ClickhouseServer {
  readonly #program = new ServerProcess('clickhouse');
  #port = 0;

  async start(): Promise<void> {
    const program = this.#program;
    this.#port = await findFreePort();
    const config = join(program.folder, 'config.xml');
    writeFileSync(config, formatConfig(program, this.#port, await findFreePort()));
    writeFileSync(join(program.folder, 'users.xml'), USERS);
    const command = findExecutable('clickhouse-server', ['/usr/sbin']) ?? 'clickhouse-server';
    program.start(command, [`--config-file=${config}`]);
    await waitFor(async () => program.exitOutput !== undefined || canConnect(this.#port));
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  remove(): Promise<void> {
    return this.#program.remove('SIGKILL');
  }
}

const USERS = `<yandex>
  <profiles><default /></profiles>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </default>
  </users>
  <quotas><default /></quotas>
</yandex>`;

function formatConfig(program: ServerProcess, port: number, tcpPort: number): string {
  return `<yandex>
    <logger><level>warning</level><console>1</console></logger>
    <http_port>${port}</http_port>
    <tcp_port>${tcpPort}</tcp_port>
    <listen_host>127.0.0.1</listen_host>
    <path>${program.makeFolder('data')}/</path>
    <tmp_path>${program.makeFolder('tmp')}/</tmp_path>
    <users_config>${program.folder}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <mark_cache_size>5000000</mark_cache_size>
  </yandex>`;
}
