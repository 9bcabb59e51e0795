import type { DatabaseCommand } from '../database-recorder.ts';

/** Value of `db.system.name`. */
export const MONGODB = 'mongodb';

/** Document that the driver sends. Its first key is the name of the command. */
export type MongoCommand = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 3;
const MAX_KEYS = 12;
const MAX_STAGES = 8;
/** Documents of a list whose keys are read. */
const MAX_DOCUMENTS = 100;
const MAX_LENGTH = 300;
/** Maximum number of different shapes of one command on one collection. Further shapes share a fingerprint. */
const MAX_SHAPES = 50;
/** Maximum number of different shapes of all commands, and of collections and commands. */
const MAX_ALL_SHAPES = 2000;

const COMMAND_NAME = /^[a-zA-Z]{1,40}$/;
/** Field names. Other keys, such as IDs, become `?`. */
const FIELD_NAME = /^\$?[A-Za-z_][A-Za-z0-9_-]{0,39}$/;
/** Digits and hexadecimal digits that belong to an ID. */
const ID_PART = /\d{3,}|[0-9a-f]{12,}/i;

/** Shapes by command and collection. */
const shapes = new Map<string, Map<string, DatabaseCommand>>();
let shapeCount = 0;

/**
 * Returns a command without its values, such as `find bookings {hotelId, status}`. Names are sorted and limited in
 * depth, number, and length.
 */
export function fingerprintMongoCommand(name: string, command: MongoCommand): DatabaseCommand {
  const operation = COMMAND_NAME.test(name) ? name : '_OTHER';
  const table = getCollection(command[name === 'getMore' ? 'collection' : name]);
  const target = table === undefined ? operation : `${operation} ${table}`;
  let known = shapes.get(target);
  if (known === undefined) {
    if (shapes.size >= MAX_ALL_SHAPES) return toCommand(operation, undefined, operation);
    known = new Map();
    shapes.set(target, known);
  }
  const shape = describeCommand(operation, command);
  const existing = known.get(shape);
  if (existing) return existing;
  if (known.size >= MAX_SHAPES || shapeCount >= MAX_ALL_SHAPES)
    return toCommand(operation, table, `${target} {…}`);
  const text = shape === '' ? target : `${target} ${shape}`;
  const created = toCommand(operation, table, text);
  known.set(shape, created);
  shapeCount += 1;
  return created;
}

function toCommand(operation: string, table: string | undefined, text: string): DatabaseCommand {
  return { system: MONGODB, operation, table, text };
}

/** Returns the name of a collection. IDs in the names become `?`, because some applications have one per tenant. */
function getCollection(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  return value
    .slice(0, 100)
    .split(/([._-])/)
    .map((part) => (ID_PART.test(part) ? '?' : part))
    .join('');
}

/** Returns the keys of the filters, updates, and stages of a command. */
function describeCommand(operation: string, command: MongoCommand): string {
  const text = describeParts(operation, command);
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`;
}

function describeParts(operation: string, command: MongoCommand): string {
  switch (operation) {
    case 'find':
      return describeDocument(command.filter);
    case 'count':
    case 'distinct':
      return describeDocument(command.query);
    case 'aggregate':
      return describePipeline(command.pipeline);
    case 'update': {
      const first = getFirst(command.updates);
      return first ? joinParts(describeDocument(first.q), describeUpdate(first.u)) : '';
    }
    case 'delete': {
      const first = getFirst(command.deletes);
      return first ? describeDocument(first.q) : '';
    }
    case 'findAndModify':
      return joinParts(describeDocument(command.query), describeUpdate(command.update));
    default:
      return '';
  }
}

function joinParts(filter: string, update: string): string {
  return update === '' ? filter : `${filter} ${update}`;
}

/**
 * A bulk write is described by its first statement, so that its length doesn't change the fingerprint. Newer versions
 * of the driver have already encoded the statements of `bulkWrite`.
 */
function getFirst(statements: unknown): MongoCommand | undefined {
  const [first] = Array.isArray(statements) ? (statements as unknown[]) : [];
  if (typeof first !== 'object' || first === null || first instanceof Uint8Array) return undefined;
  return first as MongoCommand;
}

/** An update is a document with operators, a pipeline, or a document that replaces another one. */
function describeUpdate(update: unknown): string {
  if (Array.isArray(update)) return describePipeline(update);
  if (typeof update !== 'object' || update === null) return '';
  const isReplacement = !Object.keys(update).some((key) => key.startsWith('$'));
  return isReplacement ? '' : describeDocument(update);
}

function describePipeline(pipeline: unknown): string {
  if (!Array.isArray(pipeline)) return '';
  const stages = (pipeline as unknown[]).slice(0, MAX_STAGES).map((stage) => {
    if (typeof stage !== 'object' || stage === null) return '?';
    const [name = ''] = Object.keys(stage);
    // Other stages, such as `$project`, list many fields.
    const hasKeys = name === '$match' || name === '$group' || name === '$sort';
    const keys = hasKeys ? ` ${describeDocument((stage as MongoCommand)[name])}` : '';
    return describeKey(name) + keys;
  });
  return `[${stages.join(', ')}${pipeline.length > MAX_STAGES ? ', …' : ''}]`;
}

/** Returns the sorted keys of a document, such as `{$or {city, name}, status}`. */
function describeDocument(document: unknown, depth = 1): string {
  const keys = new Set<string>();
  collectKeys(document, keys, depth);
  const sorted = [...keys].sort();
  const shown = sorted.length > MAX_KEYS ? [...sorted.slice(0, MAX_KEYS), '…'] : sorted;
  return `{${shown.join(', ')}}`;
}

/** Adds the keys of a document, or of all documents in a list, so that a list of any length has one fingerprint. */
function collectKeys(document: unknown, keys: Set<string>, depth: number): void {
  if (typeof document !== 'object' || document === null) return;
  if (Array.isArray(document)) {
    for (const each of (document as unknown[]).slice(0, MAX_DOCUMENTS))
      collectKeys(each, keys, depth);
    return;
  }
  for (const [key, value] of Object.entries(document)) {
    // Only operators, such as `$or` and `$set`, contain documents with names of fields.
    const isNested = key.startsWith('$') && depth < MAX_DEPTH && typeof value === 'object';
    keys.add(
      isNested && value !== null
        ? `${describeKey(key)} ${describeDocument(value, depth + 1)}`
        : describeKey(key),
    );
  }
}

/** Returns a key. The parts of a path that can be IDs or indexes become `?`. */
function describeKey(key: string): string {
  if (FIELD_NAME.test(key) && !ID_PART.test(key)) return key;
  return key
    .slice(0, 200)
    .split('.')
    .map((part) => (FIELD_NAME.test(part) && !ID_PART.test(part) ? part : '?'))
    .join('.');
}
