import { writeFileSync } from 'node:fs';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { toolPath } from '../../scripts/tools.mjs';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

const START_TIMEOUT_MS = 60_000;
/** Any ID in Kafka's format. */
const CLUSTER_ID = 'cGVyZnNjb3BlLWthZmthLQ';
/** The compiler for long runs would take most of the start. */
const JAVA_OPTIONS = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

/** Runs a temporary Kafka server without ZooKeeper. */
export class KafkaServer {
  readonly #program = new ServerProcess('kafka');
  #port = 0;

  async start(): Promise<void> {
    const program = this.#program;
    const jars = await toolPath('kafka');
    this.#port = await findFreePort();
    const controllerPort = await findFreePort();
    const config = `${program.folder}/server.properties`;
    const address = '127.0.0.1';
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@${address}:${controllerPort}`,
      listeners: `PLAINTEXT://${address}:${this.#port},CONTROLLER://${address}:${controllerPort}`,
      'advertised.listeners': `PLAINTEXT://${address}:${this.#port}`,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAINTEXT',
      'log.dirs': program.makeFolder('data'),
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 1,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
      'transaction.state.log.num.partitions': 1,
      'group.initial.rebalance.delay.ms': 0,
      'num.partitions': 1,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(config, lines.join(''));
    const java = [...JAVA_OPTIONS, '-cp', `${jars}/*`];
    const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config];
    program.run('java', [...java, ...format]);
    program.start('java', [...java, 'kafka.Kafka', config]);
    await waitFor(
      async () => program.exitOutput !== undefined || canConnect(this.#port),
      START_TIMEOUT_MS,
    );
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  /** Address for the option `brokers`. */
  get broker(): string {
    return `127.0.0.1:${this.#port}`;
  }

  remove(): Promise<void> {
    return this.#program.remove('SIGKILL');
  }
}
