import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import Table from 'cli-table3';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createError, errorMessage, PerfscopeError } from '../core/errors.ts';
import { ROLES, type Role } from '../core/people.ts';
import { writePrivateFile } from '../core/private-file.ts';
import { UNRESTRICTED_SCOPE } from '../core/tenant-scope.ts';
import { type KeyView, parseExpiry, toKeyView } from '../server/access/api-key-record.ts';
import type { Actor, ApiKeyStore } from '../server/access/api-key-store.ts';
import { printStatus } from './command-output.ts';

const EXIT_KEY_NOT_FOUND = 2;

const HELP = `
Roles:
  ADMIN         everything, of all organizations and hosts
  ORG_ADMIN     one organization: its figures, alerts and keys
  PROPERTY_MGR  one organization, or some of its properties: figures and alerts
  VIEWER        the same, figures only
  INGEST        may send measurements, and read nothing

Keys are kept in the QuestDB that is configured (PERFORMANCE_QUESTDB_URL) or that of the server on
this machine. Without either, the embedded QuestDB of PERFORMANCE_DATA_DIR is started for a moment.

Examples:
  perfscope keys create --role ADMIN --name admin
  perfscope keys create --role VIEWER --organization acme --property seaside --name wall --expires 90d
  KEY=$(perfscope keys create --role INGEST --organization acme --name collector)
  perfscope keys create --role ADMIN --name admin --first --out ./admin-key
  perfscope keys list --json
  perfscope keys revoke 0123456789abcdef

Exit codes: 0 done, 1 it failed and stderr says why, 2 there is no such key.`;

interface CreateKeyOptions {
  role: Role;
  name: string;
  organization?: string;
  property?: string[];
  expires?: number;
  first?: boolean;
  out?: string;
  json?: boolean;
}

export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description('make, list and revoke the keys of the API')
    .addHelpText('after', HELP);
  keys
    .command('create')
    .description('make a key, and print it: it is shown this once')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).makeOptionMandatory())
    .requiredOption('--name <text>', 'what it is for')
    .option('--organization <id>', 'organization that it is limited to')
    .option('--property <id...>', 'properties that it is limited to')
    .option('--expires <when>', '90d, 12h, 4w, 1y, or a date; never by default', parseExpiryOption)
    .option('--first', 'do nothing where any key was made before')
    .option('--out <file>', 'write it to a file that only you may read, and print nothing of it')
    .option('--json', 'print one JSON object')
    .action(createKey);
  keys
    .command('list')
    .description('list all keys; their secrets are stored nowhere')
    .option('--json', 'print a JSON array')
    .action(listKeys);
  keys
    .command('revoke <id>')
    .description('end a key for good, on every server within five seconds')
    .option('--json', 'print one JSON object')
    .action(revokeKey);
  for (const verb of keys.commands) verb.addHelpText('after', HELP);
}

async function createKey({
  json,
  organization,
  property,
  expires,
  out,
  ...rest
}: CreateKeyOptions) {
  const { first: onlyFirst, ...request } = rest;
  const grant = { ...request, organizationId: organization, properties: property };
  // Before the key is made: one whose text can't be kept would be of no use.
  if (out !== undefined) assertWritable(out);
  const made = await withKeyStore(async (keys, actor) => {
    const first = keys.hasAnyKey === false;
    if (onlyFirst && !first) return undefined;
    const { key, text } = await keys.create({ ...grant, expiresAt: expires }, actor);
    return { view: toKeyView(key, Date.now()), text, first };
  });
  if (made === undefined) return printStatus('A key was made before, so none is made now.');
  const { view, text, first } = made;
  if (out !== undefined) writePrivateFile(out, `${text}\n`);
  const shown = out === undefined ? { key: text } : { file: out };
  if (json) printLine(JSON.stringify({ ...view, ...shown }));
  else if (out === undefined) printLine(text);
  const where = out === undefined ? 'It is shown this once' : `It is in ${out}`;
  printStatus(`${view.role} key ${view.id} is made. ${where}; only its hash is stored.`);
  if (first) printStatus('From now on every request needs a key: `Authorization: Bearer …`.');
}

function assertWritable(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (error) {
    throw createError('PS_EXPORT_FAILED', { file, reason: errorMessage(error) }, error);
  }
}

async function listKeys({ json }: { json?: boolean }) {
  const views = await withKeyStore(async (keys) => {
    const now = Date.now();
    return (await keys.list(UNRESTRICTED_SCOPE)).map((key) => toKeyView(key, now));
  });
  printLine(json ? JSON.stringify(views) : formatKeyTable(views));
}

async function revokeKey(id: string, { json }: { json?: boolean }) {
  try {
    const view = await withKeyStore(async (keys, actor) => {
      return toKeyView(await keys.revoke(id, actor), Date.now());
    });
    printLine(json ? JSON.stringify(view) : `Key ${id} (${view.name}) is revoked.`);
  } catch (error) {
    if (!(error instanceof PerfscopeError) || error.code !== 'PS_KEY_NOT_FOUND') throw error;
    printStatus(`${error.code}: ${error.message}`);
    process.exitCode = EXIT_KEY_NOT_FOUND;
  }
}

/** Loads what it needs for QuestDB only when it is needed. */
async function withKeyStore<T>(use: (keys: ApiKeyStore, actor: Actor) => Promise<T>): Promise<T> {
  const { withStoredState: withRoad } = await import('./with-stored-state.ts');
  const { ApiKeyStore } = await import('../server/access/api-key-store.ts');
  return withRoad(async ({ actor, ...road }) => {
    const keys = new ApiKeyStore(road);
    await keys.load();
    return use(keys, actor);
  });
}

function formatKeyTable(views: readonly KeyView[]): string {
  if (views.length === 0) return 'There are no keys.';
  const table = new Table({
    head: ['id', 'name', 'role', 'organization', 'properties', 'state', 'made', 'expires'],
    style: { head: [], border: [] },
  });
  for (const key of views) {
    const { id, name, role, organizationId, properties, state, createdAt, expiresAt } = key;
    const of = [organizationId ?? 'all', properties?.join(', ') ?? 'all'];
    table.push([id, name, role, ...of, state, createdAt, expiresAt ?? 'never']);
  }
  return table.toString();
}

function parseExpiryOption(text: string): number {
  const time = parseExpiry(text, Date.now());
  if (time === undefined) throw new InvalidArgumentError('Write it as 90d, 12h, 4w, 1y or a date.');
  return time;
}

/** The answer, for people and scripts. */
function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}
