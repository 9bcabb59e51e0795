import type { z } from 'zod';
import { type Path, type Report, suggest } from './problems.ts';

/** Reads `data` by `schema`. @returns undefined after each problem has been reported */
export function checked<S extends z.ZodType>(
  schema: S,
  data: unknown,
  report: Report,
): z.output<S> | undefined {
  const { success, data: output, error } = schema.safeParse(data);
  if (success) return output;
  for (const issue of error.issues) tell(issue, schema, data, report);
  return undefined;
}

type Issue = z.core.$ZodIssue;

function tell(issue: Issue, schema: z.ZodType, data: unknown, report: Report): void {
  const path = issue.path as Path;
  const key = `\`${path.findLast((step) => typeof step === 'string') ?? 'it'}\``;
  const found = shown(at(data, path));
  if (issue.code === 'unrecognized_keys') {
    for (const unknown of issue.keys) {
      const words = suggest(unknown, keysAt(schema, path, data));
      report([...path, unknown], `\`${unknown}\` is not known here; ${words}`, 'key');
    }
  } else if (at(data, path) === undefined) {
    report(path, `${key} is missing`);
  } else if (issue.message.startsWith('must')) {
    report(path, `${key} ${issue.message}`);
  } else if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String);
    report(path, `${key} cannot be ${found}; ${suggest(String(at(data, path)), allowed)}`);
  } else if (issue.code === 'invalid_type') {
    report(path, `${key} must be ${EXPECTED[issue.expected] ?? issue.expected}, not ${found}`);
  } else if (issue.code === 'invalid_key') {
    const allowed = keysAt(schema, path.slice(0, -1), data);
    const hint =
      allowed.length > 0 ? suggest(String(path.at(-1)), allowed) : issue.issues[0]?.message;
    report(path, `${key} is not known here; ${hint}`, 'key');
  } else {
    report(path, `${key} is not valid: ${issue.message}`);
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

function at(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step)
        ? (value as Record<string | number, unknown>)[step]
        : undefined,
    data,
  );
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  return `\`${String(value).slice(0, 60)}\``;
}

/**
 * The keys that `schema` knows at `path`, for a suggestion; none where anything may stand. Of several
 * kinds of entry those of the one that `data` names.
 */
function keysAt(schema: z.ZodType, path: Path, data: unknown): string[] {
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
  if (def.innerType) return keysAt(def.innerType, path, data);
  const { discriminator } = def;
  if (def.options && discriminator !== undefined) {
    const kind = at(data, [discriminator]);
    const option = def.options.find((each) => {
      const { shape } = each.def as { shape?: Record<string, z.ZodType> };
      return shape?.[discriminator]?.safeParse(kind).success;
    });
    return option ? keysAt(option, path, data) : [];
  }
  const [step, ...rest] = path;
  if (step === undefined) {
    return def.shape ? Object.keys(def.shape) : Object.values(def.keyType?.def.entries ?? {});
  }
  const inside = def.shape?.[String(step)] ?? def.element ?? def.valueType;
  return inside ? keysAt(inside, rest, at(data, [step])) : [];
}
