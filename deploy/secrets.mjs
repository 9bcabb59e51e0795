// Generates the secrets for docker-compose.yml, in one folder per container. Each folder can be read only by the
// user of its container. Existing secrets don't change. Usage: node secrets.mjs FOLDER
import { createHash, randomBytes } from 'node:crypto';
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

/** User ids of the images. Names don't work, because the containers don't share /etc/passwd. */
const USERS = {
  perfscope: 1000,
  questdb: 10001,
  grafana: 472,
  prometheus: 65534,
  gateway: 10001,
  postgres: 999,
  redis: 999,
  demo: 1000,
  service: 1000,
};

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Usage: node secrets.mjs FOLDER');
  process.exit(2);
}

const writer = createSecret('questdb', 'writer-password');
const reader = createSecret('questdb', 'reader-password');
const metrics = createSecret('prometheus', 'metrics-token');
const postgres = createSecret('postgres', 'password');
const redis = createSecret('redis', 'password');
createSecret('grafana', 'admin-password');
createSecret('grafana', 'secret-key');
const ingestKey = createSecret('gateway', 'ingest-key', createApiKey);

// The `first-key` service adds the first administrator's key to this folder.
writeSecret('perfscope', 'questdb-password', writer);
writeSecret(
  'perfscope',
  'questdb-pg-url',
  `postgresql://perfscope_reader:${reader}@questdb:8812/qdb`,
);
writeSecret('perfscope', 'metrics-token', metrics);
// The `gateway-key` service creates this key.
writeSecret('perfscope', 'ingest-key', ingestKey);
writeSecret('grafana', 'questdb-password', reader);
writeSecret('redis', 'redis.conf', `requirepass ${redis}`);
// Measured services of other Compose projects mount only this folder: see examples/docker.
writeSecret('service', 'questdb-password', writer);
writeSecret('demo', 'questdb-password', writer);
writeSecret('demo', 'questdb-pg-url', `postgresql://perfscope_reader:${reader}@questdb:8812/qdb`);
writeSecret('demo', 'database-url', `postgresql://demo:${postgres}@postgres:5432/demo`);
writeSecret('demo', 'redis-url', `redis://default:${redis}@redis:6379`);

/** Returns the existing secret, or creates a new one. */
function createSecret(owner, name, create = createPassword) {
  const file = join(folder, owner, name);
  const existing = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (existing !== '') return existing;
  const text = create();
  writeSecret(owner, name, text);
  return text;
}

/** 192 bits. base64url has no characters that need escaping in a URL or a configuration file. */
function createPassword() {
  return randomBytes(24).toString('base64url');
}

/** Creates a key in the format of src/server/access/api-key-secret.ts. */
function createApiKey() {
  const secret = randomBytes(32).toString('base64url');
  const body = `psk_${randomBytes(8).toString('hex')}_${secret}`;
  return body + createHash('sha256').update(body).digest('hex').slice(0, 8);
}

function writeSecret(owner, name, text) {
  const file = join(createFolder(owner), name);
  const tempFile = `${file}.new`;
  // A power cut must not leave an empty file: the database stores the first password for good.
  writeFileSync(tempFile, `${text}\n`, { mode: 0o600, flush: true });
  setOwner(owner, tempFile, 0o400);
  renameSync(tempFile, file);
}

function createFolder(owner) {
  const path = join(folder, owner);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  setOwner(owner, path, 0o700);
  return path;
}

function setOwner(owner, path, mode) {
  chmodSync(path, mode);
  if (process.getuid?.() === 0) chownSync(path, USERS[owner], USERS[owner]);
}
