import { z } from 'zod';
import { DAY_MS, parseDuration } from '../duration.ts';
import { createError, type PerfscopeError } from '../perfscope-error.ts';
import { suggestDuration } from './format-suggestion.ts';
import { formatRequestIssue, formatZodIssue } from './format-zod-issue.ts';

export type ConfigPath = readonly (string | number)[];

/** A problem in a configuration file. Lines and columns start at 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong and which values are allowed. */
  readonly message: string;
}

/** Reports a problem at `path`, at the position of its key or its value. Default: value. */
export type ReportProblem = (path: ConfigPath, message: string, on?: 'key' | 'value') => void;

/** Returns a reporter whose paths are relative to `prefix`. */
export function prefixReport(report: ReportProblem, ...prefix: ConfigPath): ReportProblem {
  return (path, message, on) => report([...prefix, ...path], message, on);
}

/** Error codes for invalid configuration files. */
export type ConfigFileErrorCode =
  | 'PS_RULES_INVALID'
  | 'PS_NOTIFY_INVALID'
  | 'PS_BUSINESS_RULES_INVALID';

/** Creates the error for an invalid file. It lists all problems in file order. */
export function createConfigFileError(
  code: ConfigFileErrorCode,
  problems: readonly ConfigProblem[],
): PerfscopeError {
  const sorted = problems.toSorted(
    (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
  );
  return createError(code, { problems: sorted, lines: formatProblems(sorted) });
}

/** Creates the error for an invalid alert rules file. */
export function createRulesFileError(problems: readonly ConfigProblem[]): PerfscopeError {
  return createConfigFileError('PS_RULES_INVALID', problems);
}

/** Formats each problem as `file:line:column: message`, which editors recognize as a link. */
export function formatProblems(problems: readonly ConfigProblem[]): string[] {
  return problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`);
}

export interface ConfigValidationOptions {
  /** Whether each message contains the invalid value. Set it only for files without secrets. Default: false. */
  readonly showsValues?: boolean;
  /** Advice for keys that don't exist. Replaces the suggestion of a similar key. */
  readonly keyHints?: Readonly<Record<string, string>>;
}

/**
 * Validates `data` and reports each problem.
 *
 * @returns the parsed data, or undefined if a problem was reported
 */
export function validateConfig<S extends z.ZodType>(
  schema: S,
  data: unknown,
  report: ReportProblem,
  options: ConfigValidationOptions = {},
): z.output<S> | undefined {
  const { success, data: output, error } = schema.safeParse(data, { error: formatZodIssue });
  if (success) return output;
  for (const issue of error.issues) reportIssue(issue, data, report, options);
  return undefined;
}

function reportIssue(
  issue: z.core.$ZodIssue,
  data: unknown,
  report: ReportProblem,
  { showsValues = false, keyHints = {} }: ConfigValidationOptions,
): void {
  const path = issue.path as ConfigPath;
  const value = getValueAt(data, path);
  const key = `\`${path.findLast((step) => typeof step === 'string') ?? 'the file'}\``;
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    for (const [i, unknown] of issue.keys.entries()) {
      const hint = Object.hasOwn(keyHints, unknown) ? keyHints[unknown] : undefined;
      const message = hint === undefined ? messages[i]! : `unknown key \`${unknown}\`; ${hint}`;
      report([...path, unknown], message, 'key');
    }
  } else if (value === undefined) {
    report(path, `${key} is missing${formatRequirement(issue)}`);
  } else if (issue.code === 'invalid_key') {
    report(path, `unknown key ${key}; ${issue.issues[0]?.message}`, 'key');
  } else if (/^(must|cannot) /.test(issue.message)) {
    report(path, `${key} ${showsValues ? addValue(issue.message, value) : issue.message}`);
  } else {
    report(path, `${key} is invalid: ${issue.message}`);
  }
}

/** Describes which value is required, such as `; allowed: …` or `: it must be a number`. */
function formatRequirement({ code, message }: z.core.$ZodIssue): string {
  const text = message.replace(', not `undefined`', '');
  if (code === 'invalid_value') return text.replace(/^[^;]*/, '');
  return text.startsWith('must ') ? `: it ${text}` : '';
}

/** Adds the invalid value to a message that doesn't contain it, before the explanation. */
function addValue(message: string, value: unknown): string {
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value) && value !== '';
  const text = String(value).slice(0, 50);
  const isShown = message.includes(`\`${text}`) || message.split(/[^\w.]+/).includes(text);
  if (!isScalar || isShown) return message;
  return message.replace(/(?=: |; |$)/, () => `, not \`${text}\``);
}

/**
 * Parses a value of a request, which isn't part of a file.
 *
 * @throws PS_REQUEST_INVALID with each problem, such as `duration must be a duration`. The message does
 *   not contain the value, unless the schema's own message does.
 */
export function parseRequestValue<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value, { error: formatRequestIssue });
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues
    .map(({ path, message }) => {
      const name = path.filter((step) => typeof step === 'string').join('.');
      return message.startsWith(name) ? message : `${name} ${message}`;
    })
    .join('; ');
  throw createError('PS_REQUEST_INVALID', { reason });
}

function getValueAt(data: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step)
        ? (value as Record<string | number, unknown>)[step]
        : undefined,
    data,
  );
}

/** A name that is used in lists, labels, and URLs. */
export const nameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][\w.-]{0,99}$/,
    'must be a name that contains only letters, digits, `-`, `_`, and `.`',
  );

/** A duration such as `5m`, parsed to ms. The maximum is 366 days. */
export const durationSchema = z
  .string('must be a duration such as `30s`, `5m`, `1h`, or `1d`')
  .transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms <= 366 * DAY_MS) return ms;
    const shown = `not \`${text.slice(0, 50)}\``;
    const message =
      ms === undefined
        ? `must be a duration such as \`30s\`, \`5m\`, \`1h\`, or \`1d\`, ${shown}${suggestDuration(text)}`
        : `must be at most \`366d\`, ${shown}`;
    ctx.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });

/** A Prometheus label name (https://prometheus.io/docs/concepts/data_model/). */
export const labelNameSchema = z
  .string()
  .regex(
    /^[a-zA-Z_]\w{0,99}$/,
    'must be a label name that contains only letters, digits, and `_`, and does not start with a digit',
  );

export const labelsSchema = z.record(labelNameSchema, z.string().max(512));

/** A time with a UTC offset, parsed to ms since the epoch. */
export const timestampSchema = z
  .union([z.iso.datetime({ offset: true }), z.date()], {
    error: 'must be a time such as `2026-11-01T22:00:00Z`',
  })
  .transform((text) => new Date(text).getTime());
