// Makes the secrets of the stack in docker-compose.yml, once: a folder for each container, which only
// its user may read. Usage: node secrets.mjs FOLDER. What is there already stays as it is.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Users of the images, by number: the containers share no /etc/passwd. */
const USERS = {
  perfscope: 1000,
  questdb: 10001,
  grafana: 472,
  prometheus: 65534,
  postgres: 999,
  redis: 999,
  demo: 1000,
};

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Usage: node secrets.mjs FOLDER');
  process.exit(2);
}

const writer = secret('questdb', 'writer-password');
const reader = secret('questdb', 'reader-password');
const metrics = secret('prometheus', 'metrics-token');
const postgres = secret('postgres', 'password');
const redis = secret('redis', 'password');
secret('grafana', 'admin-password');
secret('grafana', 'secret-key');

// `first-key` adds the key of the first administrator to this folder.
put('perfscope', 'questdb-password', writer);
put('perfscope', 'questdb-pg-url', `postgresql://perfscope_reader:${reader}@questdb:8812/qdb`);
put('perfscope', 'metrics-token', metrics);
put('grafana', 'questdb-password', reader);
put('redis', 'redis.conf', `requirepass ${redis}`);
put('demo', 'questdb-password', writer);
put('demo', 'questdb-pg-url', `postgresql://perfscope_reader:${reader}@questdb:8812/qdb`);
put('demo', 'database-url', `postgresql://demo:${postgres}@postgres:5432/demo`);
put('demo', 'redis-url', `redis://default:${redis}@redis:6379`);

/** The secret that is there, or a new one. */
function secret(owner, name) {
  const file = join(folder, owner, name);
  const found = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (found !== '') return found;
  // 192 bits, and no character that an address or a configuration file would have to quote.
  const text = randomBytes(24).toString('base64url');
  put(owner, name, text);
  return text;
}

function put(owner, name, text) {
  const file = join(mkdirFor(owner), name);
  const draft = `${file}.new`;
  writeFileSync(draft, `${text}\n`, { mode: 0o600 });
  ownBy(owner, draft, 0o400);
  renameSync(draft, file);
}

function mkdirFor(owner) {
  const path = join(folder, owner);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  ownBy(owner, path, 0o700);
  return path;
}

function ownBy(owner, path, mode) {
  chmodSync(path, mode);
  if (process.getuid?.() === 0) chownSync(path, USERS[owner], USERS[owner]);
}
