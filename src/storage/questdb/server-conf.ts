import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Credentials } from './data-dir.ts';

export interface Ports {
  readonly http: number;
  readonly pg: number;
}

/** Each preferred port, or a free one where it is taken. Loopback only. */
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
 * QuestDB would write some lines about every statement: a tenth of its time beside busy readers, and a
 * file without end.
 */
const LOG_CONF = [
  'writers=stdout',
  'w.stdout.class=io.questdb.log.LogConsoleWriter',
  'w.stdout.level=ERROR,CRITICAL,ADVISORY',
  '',
].join('\n');

/** What a QuestDB of whatever kind needs to be quick beside Perfscope, and small. */
export const TUNING_SETTINGS: Readonly<Record<string, string>> = {
  // A refresh with more rows is thrown away and tried again with half of its time, and again, until
  // it fits: beside 20,000 rows a second it took 23 seconds of both cores instead of one.
  'cairo.mat.view.insert.as.select.batch.size': '20000000',
  // Made in full for each compiler and grown when needed: their usual sizes are 85 MB of memory.
  'cairo.model.pool.capacity': '64',
  'cairo.expression.pool.capacity': '512',
  'cairo.column.pool.capacity': '256',
  'cairo.lexer.pool.capacity': '64',
  // It would keep the plans of Grafana's statements, some MB each, which never come again because
  // their times are in their text: the heap ran out. Our own statements have names instead.
  'pg.select.cache.enabled': 'false',
  // A longer statement is refused. Of 740 kB, as with a thousand names chosen in Grafana, one takes 150 MB
  // of heap, and QuestDB does not survive some of them.
  'pg.recv.buffer.size': '256k',
};

/**
 * Writes QuestDB's `conf/server.conf` and `conf/log.conf`: loopback only, no telemetry, own passwords, and no table
 * or column that the schema does not know. A file, because a child's environment can be read by
 * whoever may look into /proc.
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
    ...TUNING_SETTINGS,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  mkdirSync(join(root, 'conf'), { recursive: true, mode: 0o700 });
  writeFileSync(join(root, 'conf', 'server.conf'), lines.join(''), { mode: 0o600 });
  writeFileSync(join(root, 'conf', 'log.conf'), LOG_CONF, { mode: 0o600 });
}
