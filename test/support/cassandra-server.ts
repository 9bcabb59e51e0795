import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { toolPath } from '../../scripts/tools.mjs';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

/** Options that Cassandra needs on Java 17, as in its file `jvm17-server.options`. */
const EXPORTS = [
  ...['java.base/jdk.internal.misc', 'java.management.rmi/com.sun.jmx.remote.internal.rmi'],
  ...['java.rmi/sun.rmi.registry', 'java.rmi/sun.rmi.server', 'java.sql/java.sql'],
  ...['java.base/java.lang.ref', 'java.base/jdk.internal.ref', 'java.base/sun.nio.ch'],
];
const OPENS = [
  ...['java.lang.module', 'jdk.internal.loader', 'jdk.internal.ref', 'jdk.internal.reflect'],
  ...['jdk.internal.math', 'jdk.internal.module', 'jdk.internal.util.jar', 'sun.nio.ch'],
  ...['java.io', 'java.nio', 'java.util.concurrent', 'java.util', 'java.util.concurrent.atomic'],
  ...['java.util.concurrent.locks', 'java.lang', 'java.lang.reflect', 'java.lang.ref'],
  ...['java.math', 'java.net', 'java.time'],
].map((name) => `java.base/${name}`);
const JAVA_OPTIONS = [
  ...['-Xms256m', '-Xmx400m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
  '-Djava.security.manager=allow',
  ...EXPORTS.map((each) => `--add-exports=${each}=ALL-UNNAMED`),
  ...[...OPENS, 'jdk.management/com.sun.management.internal'].map(
    (each) => `--add-opens=${each}=ALL-UNNAMED`,
  ),
];
/** A single node doesn't wait for others. */
const CASSANDRA_OPTIONS = {
  'cassandra-foreground': 'yes',
  'cassandra.ring_delay_ms': '1',
  'cassandra.skip_wait_for_gossip_to_settle': '0',
  'cassandra.superuser_setup_delay_ms': '0',
};

/** Runs a temporary Cassandra with one node. */
export class CassandraServer {
  readonly #program = new ServerProcess('cassandra');
  #port = 0;

  async start(): Promise<void> {
    const program = this.#program;
    const jars = await toolPath('cassandra');
    this.#port = await findFreePort();
    const [storagePort, jmxPort] = [await findFreePort(), await findFreePort()];
    const config = join(program.folder, 'cassandra.yaml');
    writeFileSync(config, formatConfig(program.folder, this.#port, storagePort));
    writeFileSync(join(program.folder, 'logback.xml'), LOGBACK);
    const properties = {
      ...CASSANDRA_OPTIONS,
      'cassandra.config': `file://${config}`,
      'cassandra.storagedir': program.folder,
      'cassandra.jmx.local.port': jmxPort,
    };
    const agent = readdirSync(jars).find((name) => name.startsWith('jamm-'));
    program.start('java', [
      `-javaagent:${join(jars, agent ?? '')}`,
      ...JAVA_OPTIONS,
      ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
      ...['-cp', `${program.folder}:${jars}/*`, 'org.apache.cassandra.service.CassandraDaemon'],
    ]);
    await waitFor(async () => program.exitOutput !== undefined || canConnect(this.#port));
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  remove(): Promise<void> {
    return this.#program.remove('SIGKILL');
  }
}

const LOGBACK = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%level %msg%n</pattern></encoder>
  </appender>
  <root level="ERROR"><appender-ref ref="OUT" /></root>
</configuration>`;

function formatConfig(folder: string, port: number, storagePort: number): string {
  return `
cluster_name: test
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: ['${folder}/data']
commitlog_directory: ${folder}/commitlog
saved_caches_directory: ${folder}/saved
hints_directory: ${folder}/hints
cdc_raw_directory: ${folder}/cdc
commitlog_sync: periodic
commitlog_sync_period: 10000ms
commitlog_segment_size: 1MiB
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: '127.0.0.1:${storagePort}' }]
listen_address: 127.0.0.1
storage_port: ${storagePort}
rpc_address: 127.0.0.1
native_transport_port: ${port}
auto_snapshot: false
concurrent_reads: 4
concurrent_writes: 4
`;
}
