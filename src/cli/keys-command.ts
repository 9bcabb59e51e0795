import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import Table from 'cli-table3';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { readSecretFile } from '../core/config/secret-file.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { ROLES, type Role } from '../core/person-and-roles.ts';
import { writePrivateFile } from '../core/private-file.ts';
import { UNRESTRICTED_SCOPE } from '../core/tenant-scope.ts';
import { type KeyView, parseExpiry, toKeyView } from '../server/access/api-key-record.ts';
import type { Actor, ApiKeyStore } from '../server/access/api-key-store.ts';
import { formatFirstKeyNotice } from '../server/access/check-credentials.ts';
import { printStatus } from './command-output.ts';

const HELP = `
Roles:
  ADMIN         full access to all organizations and hosts
  ORG_ADMIN     metrics, alerts, and keys of one organization
  PROPERTY_MGR  metrics and alerts of one organization or some of its properties
  VIEWER        metrics of one organization or some of its properties
  INGEST        can send measurements and alerts, but can't read anything

Keys are stored in the configured QuestDB (PERFORMANCE_QUESTDB_URL) or in the QuestDB of the local
server. If neither is available, the command temporarily starts the embedded QuestDB in
PERFORMANCE_DATA_DIR.

Examples:
  perfscope keys create --role ADMIN --name admin
  perfscope keys create --role VIEWER --organization acme --property seaside --name wall --expires 90d
  KEY=$(perfscope keys create --role INGEST --organization acme --name collector)
  perfscope keys create --role ADMIN --name admin --first --output ./admin-key
  perfscope keys create --role INGEST --name collector --key-file ./collector-key
  perfscope keys list --json
  perfscope keys revoke 0123456789abcdef

Exit codes: 0 success, 1 failure (see stderr), 2 invalid usage.`;

interface CreateKeyOptions {
  role: Role;
  name: string;
  organization?: string;
  property?: string[];
  expires?: number;
  first?: boolean;
  keyFile?: string;
  output?: string;
  json?: boolean;
}

export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description('Create, list, and revoke API keys')
    .addHelpText('after', HELP);
  keys
    .command('create')
    .description('Create a key and print it; it is shown only once')
    .addOption(new Option('--role <role>', 'Role of the key').choices(ROLES).makeOptionMandatory())
    .requiredOption('--name <text>', 'Name that describes the purpose of the key')
    .option('--organization <id>', 'Limit the key to this organization')
    .option('--property <id...>', 'Limit the key to these properties')
    .option(
      '--expires <when>',
      'Duration such as 12h, 90d, 4w, or 1y, or a date; default: never',
      parseExpiryOption,
    )
    .option('--first', 'Do nothing if a key has ever been created')
    .option(
      '--key-file <file>',
      'Use the key in this file instead of a new key; do nothing if the key already exists',
    )
    .option(
      '-o, --output <file>',
      'Write the key to a file that only you can read, and do not print it',
    )
    .option('--json', 'Print one JSON object')
    .action(createKey);
  keys
    .command('list')
    .description('List all keys, without their secrets')
    .option('--json', 'Print a JSON array')
    .action(listKeys);
  keys
    .command('revoke <id>')
    .description('Permanently revoke a key; all servers reject it within 5 s')
    .option('--json', 'Print one JSON object')
    .action(revokeKey);
  for (const command of keys.commands) command.addHelpText('after', HELP);
}

async function createKey({
  json,
  organization,
  property,
  expires,
  output,
  keyFile,
  ...rest
}: CreateKeyOptions) {
  const { first: onlyFirst, ...request } = rest;
  const grant = { ...request, organizationId: organization, properties: property };
  // Check this before creating the key. Otherwise, the new key's secret could be lost.
  if (output !== undefined) assertWritable(output);
  const keyText = keyFile === undefined ? undefined : readKeyFile(keyFile);
  const created = await withKeyStore(async (keys, actor) => {
    const isFirst = keys.hasAnyKey === false;
    if (onlyFirst && !isFirst) return undefined;
    if (keyText !== undefined && keys.find(keyText)) return undefined;
    const { key, text } = await keys.create({ ...grant, expiresAt: expires }, actor, keyText);
    return { view: toKeyView(key, Date.now()), text, isFirst };
  });
  if (created === undefined)
    return printStatus('A key was already created, so no new key was created.');
  const { view, text, isFirst } = created;
  if (output !== undefined) writePrivateFile(output, `${text}\n`);
  const file = output ?? keyFile;
  const location = file === undefined ? { key: text } : { file };
  if (json) printLine(JSON.stringify({ ...view, ...location }));
  else if (file === undefined) printLine(text);
  const note = file === undefined ? 'It is shown only once.' : `It is in ${file}.`;
  printStatus(`Created ${view.role} key ${view.id}. ${note} The server stores only its hash.`);
  if (isFirst) for (const line of formatFirstKeyNotice(rest.role)) printStatus(line);
}

/** @throws PS_KEY_INVALID if the file can't be read */
function readKeyFile(file: string): string {
  try {
    return readSecretFile(file);
  } catch (error) {
    throw createError('PS_KEY_INVALID', { reason: errorMessage(error) }, error);
  }
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
  const view = await withKeyStore(async (keys, actor) => {
    return toKeyView(await keys.revoke(id, actor), Date.now());
  });
  printLine(json ? JSON.stringify(view) : `Revoked key ${id} (${view.name}).`);
}

/** Calls `use` with the stored keys. Loads the QuestDB modules only now, to keep other commands fast. */
async function withKeyStore<T>(use: (keys: ApiKeyStore, actor: Actor) => Promise<T>): Promise<T> {
  const { withStoredState } = await import('./with-stored-state.ts');
  const { ApiKeyStore } = await import('../server/access/api-key-store.ts');
  return withStoredState(async ({ actor, ...pipeline }) => {
    const keys = new ApiKeyStore(pipeline);
    await keys.load();
    return use(keys, actor);
  });
}

function formatKeyTable(views: readonly KeyView[]): string {
  if (views.length === 0) return 'No API keys.';
  const table = new Table({
    head: ['id', 'name', 'role', 'organization', 'properties', 'state', 'created', 'expires'],
    style: { head: [], border: [] },
  });
  for (const key of views) {
    const { id, name, role, organizationId, properties, state, createdAt, expiresAt } = key;
    const limits = [organizationId ?? 'all', properties?.join(', ') ?? 'all'];
    table.push([id, name, role, ...limits, state, createdAt, expiresAt ?? 'never']);
  }
  return table.toString();
}

function parseExpiryOption(text: string): number {
  const time = parseExpiry(text, Date.now());
  if (time === undefined)
    throw new InvalidArgumentError(
      'It must be a duration, such as 12h, 90d, 4w, or 1y, or a date.',
    );
  return time;
}

/** Prints a result without a prefix, so that scripts can use it. */
function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}
