import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeQuestdb } from './fake-questdb.ts';
import { parseLine } from './parse-line-protocol.ts';
import { readSpooledLines } from './spool-fixtures.ts';

type Row = Readonly<Record<string, string>>;

/** Receives the rows of instrumented programs, without a QuestDB. Read them after the program has exited. */
export class RecordedMeasurements {
  readonly #questdb = new FakeQuestdb();
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-recorded-'));

  start(): Promise<void> {
    return this.#questdb.start();
  }

  remove(): void {
    this.#questdb.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Returns the environment of a program. Each program needs its own service. */
  getEnv(service: string): NodeJS.ProcessEnv {
    return {
      OTEL_SERVICE_NAME: service,
      PERFORMANCE_QUESTDB_URL: this.#questdb.url,
      PERFORMANCE_SPOOL_DIR: this.#getSpool(service),
    };
  }

  #getSpool(service: string): string {
    return join(this.#folder, service.replaceAll(/\W/g, '-'));
  }

  /** Returns the columns of a service's rows. A program that exits on a busy machine can leave rows in its spool. */
  readRows(service: string, table: string): Row[] {
    return [...new Set([...this.#questdb.lines, ...readSpooledLines(this.#getSpool(service))])]
      .map(parseLine)
      .filter((row) => row.table === table && row.columns.service === service)
      .map(({ columns }) => columns);
  }

  /** Returns the rows of requests. */
  readRequests(service: string): Row[] {
    return this.readRows(service, 'performance_metrics').filter(
      ({ name }) => name === 'http.server.request.duration',
    );
  }

  /** Returns each endpoint with its method, name, number of requests, and number of failed requests, sorted. */
  readEndpoints(service: string): unknown[][] {
    const sums = new Map<string, [string, string, number, number]>();
    for (const row of this.readRequests(service)) {
      const { operation = '', endpoint = '(no route)', count, error_count } = row;
      const key = `${operation} ${endpoint}`;
      const [, , requests, failed] = sums.get(key) ?? ['', '', 0, 0];
      const sum = [requests + Number(count), failed + Number(error_count)] as const;
      sums.set(key, [operation, endpoint, ...sum]);
    }
    return sortRows([...sums.values()]);
  }

  /** Returns the name and the number of each database command, sorted. */
  readCommands(service: string): unknown[][] {
    const counts = new Map<string, number>();
    for (const { name, endpoint = '', count } of this.readRows(service, 'performance_metrics')) {
      if (name !== 'db.client.operation.duration') continue;
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + Number(count));
    }
    return sortRows([...counts]);
  }

  /**
   * Returns type, message, and endpoint of each error, sorted.
   *
   * @param origin file and line that the stack must contain
   */
  readErrors(service: string, origin: RegExp): unknown[][] {
    return sortRows(
      this.readRows(service, 'error_logs')
        .filter(({ stack_trace = '' }) => origin.test(stack_trace))
        .map(({ error_type, message, endpoint = '(no route)' }) => [error_type, message, endpoint]),
    );
  }
}

/** Returns a sorted copy. */
export function sortRows(rows: readonly (readonly unknown[])[]): unknown[][] {
  return rows.map((row) => [...row]).sort((a, b) => (String(a) < String(b) ? -1 : 1));
}
