import { z } from 'zod';
import { findClosestMatch } from '../did-you-mean.ts';
import { DAY_MS, parseDuration } from '../duration.ts';
import { createError, type PerfscopeError } from '../errors.ts';

export type ConfigPath = readonly (string | number)[];

/** Something that is wrong in a file, and where. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong and what would be right. */
  readonly message: string;
}

/** Tells of a problem at `path`; `on` says whether its key or its value is meant [value]. */
export type ReportProblem = (path: ConfigPath, message: string, on?: 'key' | 'value') => void;

/** `report` for what lies under `prefix`. */
export function prefixReport(report: ReportProblem, ...prefix: ConfigPath): ReportProblem {
  return (path, message, on) => report([...prefix, ...path], message, on);
}

/** ` Did you mean …?` where a candidate is near enough, else the list of what is allowed. */
export function formatSuggestion(name: string, candidates: readonly string[]): string {
  const near = findClosestMatch(name, candidates);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return `allowed ${candidates.length === 1 ? 'is' : 'are'} ${candidates.map((c) => `\`${c}\``).join(', ')}`;
}

/** What a file that is refused is called. */
export type ConfigFileErrorCode =
  | 'PS_RULES_INVALID'
  | 'PS_NOTIFY_INVALID'
  | 'PS_BUSINESS_RULES_INVALID';

/** The one error of a file that is refused, with all of its problems in the order of the file. */
export function createConfigFileError(
  code: ConfigFileErrorCode,
  problems: readonly ConfigProblem[],
): PerfscopeError {
  const sorted = problems.toSorted(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
  return createError(code, { problems: sorted, lines: formatProblems(sorted) });
}

/** The same of a file with rules. */
export function createRulesFileError(problems: readonly ConfigProblem[]): PerfscopeError {
  return createConfigFileError('PS_RULES_INVALID', problems);
}

/** `file:line:column: message`, as editors understand it. */
export function formatProblems(problems: readonly ConfigProblem[]): string[] {
  return problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`);
}

/** Reads `data` by `schema`. @returns undefined after each problem has been reported */
export function validateConfig<S extends z.ZodType>(
  schema: S,
  data: unknown,
  report: ReportProblem,
): z.output<S> | undefined {
  const { success, data: output, error } = schema.safeParse(data);
  if (success) return output;
  for (const issue of error.issues) reportIssue(issue, schema, data, report);
  return undefined;
}

type ZodIssue = z.core.$ZodIssue;

function reportIssue(
  issue: ZodIssue,
  schema: z.ZodType,
  data: unknown,
  report: ReportProblem,
): void {
  const path = issue.path as ConfigPath;
  const key = `\`${path.findLast((step) => typeof step === 'string') ?? 'it'}\``;
  const found = describeValue(getValueAt(data, path));
  if (issue.code === 'unrecognized_keys') {
    for (const unknown of issue.keys) {
      const words = formatSuggestion(unknown, getKnownKeys(schema, path, data));
      report([...path, unknown], `\`${unknown}\` is not known here; ${words}`, 'key');
    }
  } else if (getValueAt(data, path) === undefined) {
    report(path, `${key} is missing`);
  } else if (issue.message.startsWith('must')) {
    report(path, `${key} ${issue.message}`);
  } else if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String);
    report(
      path,
      `${key} cannot be ${found}; ${formatSuggestion(String(getValueAt(data, path)), allowed)}`,
    );
  } else if (issue.code === 'invalid_type') {
    report(
      path,
      `${key} must be ${TYPE_DESCRIPTIONS[issue.expected] ?? issue.expected}, not ${found}`,
    );
  } else if (issue.code === 'invalid_key') {
    const allowed = getKnownKeys(schema, path.slice(0, -1), data);
    const hint =
      allowed.length > 0
        ? formatSuggestion(String(path.at(-1)), allowed)
        : issue.issues[0]?.message;
    report(path, `${key} is not known here; ${hint}`, 'key');
  } else {
    report(path, `${key} is not valid: ${issue.message}`);
  }
}

const TYPE_DESCRIPTIONS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

function getValueAt(data: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step)
        ? (value as Record<string | number, unknown>)[step]
        : undefined,
    data,
  );
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  return `\`${String(value).slice(0, 60)}\``;
}

/**
 * The keys that `schema` knows at `path`, for a suggestion; none where anything may stand. Of several
 * kinds of entry those of the one that `data` names.
 */
function getKnownKeys(schema: z.ZodType, path: ConfigPath, data: unknown): string[] {
  const def = schema.def as {
    type: string;
    shape?: Record<string, z.ZodType>;
    innerType?: z.ZodType;
    element?: z.ZodType;
    options?: z.ZodType[];
    discriminator?: string;
    keyType?: { def: { entries?: Record<string, string> } };
    valueType?: z.ZodType;
  };
  if (def.innerType) return getKnownKeys(def.innerType, path, data);
  const { discriminator } = def;
  if (def.options && discriminator !== undefined) {
    const kind = getValueAt(data, [discriminator]);
    const option = def.options.find((each) => {
      const { shape } = each.def as { shape?: Record<string, z.ZodType> };
      return shape?.[discriminator]?.safeParse(kind).success;
    });
    return option ? getKnownKeys(option, path, data) : [];
  }
  const [step, ...rest] = path;
  if (step === undefined) {
    return def.shape ? Object.keys(def.shape) : Object.values(def.keyType?.def.entries ?? {});
  }
  const inside = def.shape?.[String(step)] ?? def.element ?? def.valueType;
  return inside ? getKnownKeys(inside, rest, getValueAt(data, [step])) : [];
}

/** A name that appears in lists, labels and addresses. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'must be a name of letters, digits, `-`, `_` and `.`');

/** A duration's text, as ms. */
export const durationSchema = z
  .string('must be a duration such as `30s`, `5m`, `1h` or `1d`')
  .transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms <= 366 * DAY_MS) return ms;
    const message = `must be a duration such as \`30s\`, \`5m\`, \`1h\` or \`1d\`, not \`${text.slice(0, 50)}\``;
    ctx.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

/** Prometheus' label names (https://prometheus.io/docs/concepts/data_model/). */
export const labelNameSchema = z
  .string()
  .regex(/^[a-zA-Z_]\w{0,99}$/, 'must be a label name of letters, digits and `_`');

export const labelsSchema = z.record(labelNameSchema, z.string().max(512));

/** A moment with its offset from UTC, as ms since the epoch. */
export const timestampSchema = z
  .union([z.iso.datetime({ offset: true }), z.date()], {
    error: 'must be a time such as `2026-11-01T22:00:00Z`',
  })
  .transform((text) => new Date(text).getTime());
