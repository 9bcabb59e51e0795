import { createServer, request, type Server } from 'node:http';
import { resolve } from 'node:path';
import { findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { toolPath } from '../../scripts/tools.mjs';
import { canConnect } from './can-connect.ts';
import { listenOnFreePort } from './listen-on-free-port.ts';
import { waitFor } from './wait-for.ts';

/** Media types of the Elasticsearch client. OpenSearch knows only the standard ones. */
const ELASTIC_TYPE = /application\/vnd\.elasticsearch\+(x-nd)?json; ?compatible-with=\d+/g;
const PROGRAM = resolve('test/apps/opensearch-server/OpenSearchServer.java');

/**
 * Runs a temporary OpenSearch behind a proxy that translates the headers of the Elasticsearch client. OpenSearch has the
 * same endpoints and errors.
 */
export class ElasticsearchServer {
  readonly #program = new ServerProcess('opensearch');
  #proxy: Server | undefined;
  #url = '';

  async start(): Promise<void> {
    const program = this.#program;
    const port = await findFreePort();
    program.makeFolder('config');
    program.start('java', [
      ...['-Xms192m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'],
      ...['-cp', `${await toolPath('opensearch')}/*`, PROGRAM, program.folder, String(port)],
    ]);
    const isReady = async () => program.exitOutput !== undefined || (await canConnect(port));
    await waitFor(isReady, 120_000);
    if (program.exitOutput !== undefined) throw new Error(program.exitOutput);
    this.#proxy = createProxy(port);
    this.#url = `http://127.0.0.1:${await listenOnFreePort(this.#proxy)}`;
  }

  get url(): string {
    return this.#url;
  }

  async remove(): Promise<void> {
    this.#proxy?.closeAllConnections();
    this.#proxy?.close();
    await this.#program.remove('SIGKILL');
  }
}

function createProxy(port: number): Server {
  return createServer((incoming, response) => {
    const { method, url: path } = incoming;
    const headers = { ...incoming.headers };
    for (const name of ['accept', 'content-type'])
      headers[name] = String(headers[name] ?? 'application/json').replaceAll(
        ELASTIC_TYPE,
        'application/$1json',
      );
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers }, (upstream) => {
      const answer = { ...upstream.headers, 'x-elastic-product': 'Elasticsearch' };
      response.writeHead(upstream.statusCode ?? 500, answer);
      upstream.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
}
