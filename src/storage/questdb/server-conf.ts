import { createServer } from 'node:net';
import { join } from 'node:path';
import { writeStateFile } from '../../core/state-file.ts';
import type { Credentials } from './credentials.ts';

export interface Ports {
  readonly http: number;
  readonly pg: number;
}

/** Returns each preferred port on 127.0.0.1 or, if that port is in use, a free port. */
export async function findFreePorts(preferred: Ports): Promise<Ports> {
  const http = (await probePort(preferred.http)) ?? (await probePort(0));
  const pg = (await probePort(preferred.pg)) ?? (await probePort(0));
  if (http === undefined || pg === undefined) throw new Error('no free port on 127.0.0.1');
  return { http, pg };
}

function probePort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

/**
 * Logs only errors and advisories. By default, QuestDB logs several lines for each statement. With
 * many readers, logging takes a tenth of QuestDB's time, and the log file grows without limit.
 */
const LOG_CONF = [
  'writers=stdout',
  'w.stdout.class=io.questdb.log.LogConsoleWriter',
  'w.stdout.level=ERROR,CRITICAL,ADVISORY',
  '',
].join('\n');

/**
 * Size of the pages that QuestDB reserves at the end of each open file of a table, an index, or a
 * write-ahead log. Each column has several such files. With the defaults of up to 16 MB, an idle
 * server needed 4.5 GB.
 */
const PAGE_SIZE_SETTINGS: Readonly<Record<string, string>> = {
  'cairo.writer.data.append.page.size': '64k',
  'cairo.writer.data.index.key.append.page.size': '64k',
  'cairo.writer.data.index.value.append.page.size': '64k',
  'cairo.wal.writer.data.append.page.size': '64k',
  'cairo.wal.writer.event.append.page.size': '64k',
  'cairo.system.writer.data.append.page.size': '64k',
  'cairo.system.wal.writer.data.append.page.size': '64k',
  'cairo.system.wal.writer.event.append.page.size': '64k',
};

/**
 * QuestDB's threads look for work in a loop. By default, a thread that finds none yields 7,000 times. It then naps for
 * 1 ms, 3,000 times, and only after that it sleeps for 10 ms each time. Work of any kind starts this again.
 * With these settings, QuestDB needs 8 % of a core instead of 14 % when only Perfscope's own rows arrive. The API's
 * statements need half of the CPU time, and return earlier.
 */
const WORKER_SETTINGS: Readonly<Record<string, string>> = Object.fromEntries(
  ['shared', 'wal.apply', 'mat.view.refresh'].flatMap((pool) => [
    [`${pool}.worker.nap.threshold`, '20'],
    [`${pool}.worker.sleep.threshold`, '30'],
    [`${pool}.worker.sleep.timeout`, '5'],
  ]),
);

/** Settings that keep any QuestDB, embedded or external, fast and small when Perfscope uses it. */
export const TUNING_SETTINGS: Readonly<Record<string, string>> = {
  // If a refresh has more rows than this, QuestDB discards it and retries with half of the time
  // range until the rows fit. At 20,000 rows per second, a refresh then took 23 s on both cores,
  // instead of 1 s.
  'cairo.mat.view.insert.as.select.batch.size': '20000000',
  // QuestDB allocates these pools for each SQL compiler and grows them on demand. The default sizes
  // take 85 MB.
  'cairo.model.pool.capacity': '64',
  'cairo.expression.pool.capacity': '512',
  'cairo.column.pool.capacity': '256',
  'cairo.lexer.pool.capacity': '64',
  // Disabled, because cached plans of Grafana's statements take several MB each until the heap is
  // full. These plans are never reused: each statement contains its time range. Perfscope's own
  // statements use names instead.
  'pg.select.cache.enabled': 'false',
  // Rejects longer statements. Selecting 1,000 names in Grafana produces 740 kB of SQL, which takes
  // 150 MB of heap. A few such statements crash QuestDB.
  'pg.recv.buffer.size': '256k',
  ...PAGE_SIZE_SETTINGS,
  ...WORKER_SETTINGS,
  // Starts a new segment of the write-ahead log after 4 MB, so that QuestDB can delete the previous
  // segment. By default, a segment has 200,000 rows, and each table keeps up to two segments.
  'cairo.wal.segment.rollover.size': '4m',
};

/**
 * Disables the statements and functions that read and write files: `COPY`, `import_files`,
 * `export_files`, `read_parquet`, and `parquet_scan`. QuestDB's read-only user could run them too. No
 * setting disables `files` and `glob`, which list files but don't read them.
 */
const FILE_ACCESS_SETTINGS: Readonly<Record<string, string>> = {
  'cairo.sql.copy.root': '',
  'cairo.sql.copy.export.root': '',
};

/**
 * Writes QuestDB's `conf/server.conf` and `conf/log.conf`. QuestDB listens on loopback only, sends
 * no telemetry, does not create unknown tables or columns, and does not read or write other files. The passwords are in a file, because
 * other users could read environment variables through /proc.
 */
export function writeServerConf(root: string, ports: Ports, credentials: Credentials): void {
  const { writer, reader } = credentials;
  const settings = {
    'http.bind.to': `127.0.0.1:${ports.http}`,
    'http.user': writer.user,
    'http.password': writer.password,
    'http.min.enabled': 'false',
    'pg.net.bind.to': `127.0.0.1:${ports.pg}`,
    'pg.user': writer.user,
    'pg.password': writer.password,
    'pg.readonly.user.enabled': 'true',
    'pg.readonly.user': reader.user,
    'pg.readonly.password': reader.password,
    'line.tcp.enabled': 'false',
    'line.auto.create.new.tables': 'false',
    'line.auto.create.new.columns': 'false',
    'telemetry.enabled': 'false',
    'query.timeout': '30s',
    ...FILE_ACCESS_SETTINGS,
    ...TUNING_SETTINGS,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  writeStateFile(join(root, 'conf', 'server.conf'), lines.join(''));
  writeStateFile(join(root, 'conf', 'log.conf'), LOG_CONF);
}
