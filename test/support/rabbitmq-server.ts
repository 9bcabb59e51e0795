import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { canConnect } from './can-connect.ts';
import { waitFor } from './wait-for.ts';

/** Debian's script in `/usr/sbin` changes the user and the folder. */
const RABBITMQ_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const START_TIMEOUT_MS = 60_000;

/** Runs a temporary RabbitMQ server with the user `guest`. */
export class RabbitmqServer {
  readonly #program = new ServerProcess('rabbitmq');
  #port = 0;
  #distributionPort = 0;
  /** Port of the Erlang port mapper, which RabbitMQ starts as a separate process. */
  #mapperPort = 0;

  /** Starts the server. After `stop`, it uses the same ports and data. */
  async start(): Promise<void> {
    const program = this.#program;
    if (this.#port === 0) {
      this.#port = await findFreePort();
      this.#distributionPort = await findFreePort();
      this.#mapperPort = await findFreePort();
    }
    const { folder } = program;
    const settings = {
      ERL_EPMD_PORT: this.#mapperPort,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `perfscope${this.#port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: this.#port,
      RABBITMQ_DIST_PORT: this.#distributionPort,
      RABBITMQ_MNESIA_BASE: program.makeFolder('mnesia'),
      RABBITMQ_LOG_BASE: program.makeFolder('log'),
      RABBITMQ_PID_FILE: `${folder}/pid`,
      RABBITMQ_CONF_ENV_FILE: `${folder}/env.conf`,
      RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq`,
      RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/plugins`,
      // The script is replaced by the server, so that a signal reaches the server.
      detached: 'true',
    };
    const env = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    program.start('env', [...env, RABBITMQ_SERVER]);
    await waitFor(
      async () => program.exitOutput !== undefined || canConnect(this.#port),
      START_TIMEOUT_MS,
    );
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.#port}`;
  }

  /** Stops the server, as in a restart. */
  stop(): Promise<void> {
    return this.#program.kill('SIGTERM');
  }

  async remove(): Promise<void> {
    await this.stop();
    if (this.#mapperPort !== 0) {
      this.#program.run('env', [`ERL_EPMD_PORT=${this.#mapperPort}`, 'epmd', '-kill']);
    }
    await this.#program.remove();
  }
}
