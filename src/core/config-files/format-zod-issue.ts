import { z } from 'zod';
import { formatSuggestion } from './format-suggestion.ts';

/**
 * Returns the message of an issue if its schema does not define one. The message continues the name of
 * the value, such as `must be a list, not 5`. For unknown keys, it has one line per key.
 */
export function formatZodIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const knownKeys = getKnownKeys(issue.inst);
      return issue.keys
        .map((key) => `unknown key \`${key}\`; ${formatSuggestion(key, knownKeys)}`)
        .join('\n');
    }
    case 'invalid_value': {
      const suggestion = formatSuggestion(String(issue.input), issue.values.map(String));
      return `cannot be ${describeValue(issue.input)}; ${suggestion}`;
    }
    case 'invalid_type':
      return `must be ${describeType(issue.expected)}${describeExample(issue)}, not ${describeValue(issue.input)}`;
    default:
      return formatLimit(issue);
  }
}

/** Shows how to write a single value as a list. */
function describeExample({ expected, input }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidType>) {
  if (expected !== 'array' || typeof input !== 'string' || !/^[\w.-]{1,60}$/.test(input)) return '';
  return ` such as \`[${input}]\``;
}

/**
 * Returns the message of an issue in a request if its schema does not define one. Unlike the message of
 * `formatZodIssue`, it never contains the value, which can be a secret.
 */
export function formatRequestIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'is missing';
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.length > 1 ? 'contains unknown keys' : 'contains an unknown key';
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return `must be ${describeType(issue.expected)}`;
    default:
      return formatLimit(issue);
  }
}

const TYPE_DESCRIPTIONS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

function describeType(type: string): string {
  return TYPE_DESCRIPTIONS[type] ?? type;
}

/** Describes an issue about the length, the size, or the format of a value. */
function formatLimit(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'too_small') {
    const { origin, minimum } = issue;
    if (origin === 'string' || origin === 'array') {
      if (Number(minimum) === 1) return 'must not be empty';
      return `must have at least ${minimum} ${origin === 'string' ? 'characters' : 'values'}`;
    }
    return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${minimum}`;
  }
  if (issue.code === 'too_big') {
    const { origin, maximum } = issue;
    if (origin === 'string') return `must have at most ${maximum} characters`;
    if (origin === 'array') return `must have at most ${maximum} values`;
    return `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${maximum}`;
  }
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`;
  if (issue.code === 'invalid_format' && issue.format === 'datetime') {
    return 'must be a time such as `2026-11-01T22:00:00Z`';
  }
  return 'must have a valid format';
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  return `\`${String(value).slice(0, 60)}\``;
}

/** Returns the keys that a schema allows, or an empty list if it allows any key. */
function getKnownKeys(schema: unknown): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodEnum) {
    return schema.keyType.options.map(String);
  }
  return [];
}
