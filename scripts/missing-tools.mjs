import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findMissingQuestdbTools } from '../src/storage/questdb/questdb-jar.mjs';

/**
 * Returns the tools that `purpose` needs and this machine lacks.
 *
 * @param {'start' | 'demo' | 'test'} purpose
 * @returns {{ name: string, debianPackage: string }[]}
 */
export function findMissingTools(purpose) {
  const missing = findMissingQuestdbTools();
  const requireTool = (name, debianPackage, ...commands) => {
    const found = commands.some((c) => spawnSync(c, ['--version']).error === undefined);
    if (!found) missing.push({ name, debianPackage });
  };
  if (purpose === 'test' || (purpose === 'demo' && !process.env.DATABASE_URL)) {
    requireTool('PostgreSQL', 'postgresql', 'initdb', ...listDebianInitdbs());
  }
  if (purpose === 'test' || (purpose === 'demo' && !process.env.REDIS_URL)) {
    requireTool('Redis', 'redis-server', 'redis-server');
  }
  if (purpose === 'test') {
    requireTool('MariaDB', 'mariadb-server', 'mariadbd', '/usr/sbin/mariadbd');
    requireTool('memcached', 'memcached', 'memcached');
    requireTool(
      'ClickHouse',
      'clickhouse-server',
      'clickhouse-server',
      '/usr/sbin/clickhouse-server',
    );
    requireTool('Maven', 'maven', 'mvn');
    // With `--version`, the script would start a server.
    if (!existsSync('/usr/lib/rabbitmq/bin/rabbitmq-server')) {
      missing.push({ name: 'RabbitMQ', debianPackage: 'rabbitmq-server' });
    }
    requireTool('libpq', 'libpq-dev', 'pg_config');
    requireTool('Make', 'make', 'make');
    requireTool('a C++ compiler', 'g++', 'g++');
    requireTool('Prometheus', 'prometheus', 'promtool');
    requireTool('Alertmanager', 'prometheus-alertmanager', 'amtool');
    requireTool('OpenSSL', 'openssl', 'openssl');
    requireTool('Git', 'git', 'git');
    requireTool('curl', 'curl', 'curl');
    requireTool('jlink', 'openjdk-17-jdk-headless', 'jlink');
    requireTool('Maven', 'maven', 'mvn');
    requireTool('Go', 'golang-go', 'go', '/usr/local/go/bin/go');
    if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) {
      missing.push({ name: 'pip', debianPackage: 'python3-pip' });
    }
    requireTool('Chromium', 'chromium', 'chromium', 'chromium-browser', 'google-chrome');
  }
  return missing;
}

/** Returns the `initdb` of each PostgreSQL version. Debian doesn't put them on the `PATH`. */
function listDebianInitdbs() {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  return readdirSync(root).map((version) => join(root, version, 'bin', 'initdb'));
}
