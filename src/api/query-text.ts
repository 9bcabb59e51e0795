import { z } from 'zod';
import { nearest } from '../config/nearest.ts';
import { allowedBy } from './allowed.ts';
import { type Fault, refusal } from './refusal.ts';

/** Longest query string in characters; a URL of Node's must fit into 16 KB with its headers. */
const MOST_LENGTH = 8192;
const MOST_PARAMETERS = 200;
const NUMBER = /^-?\d{1,15}(\.\d{1,15})?$/;

/**
 * Reads the query string of `url` as `schema` says: lists are repeated parameters, or separated by
 * commas where their values are fixed names.
 *
 * @throws PS_REQUEST_INVALID with all faults, each with the parameter's name and what is allowed
 */
export function readQuery<Q extends z.ZodObject>(url: string, schema: Q): z.output<Q> {
  const given = parametersOf(url);
  const faults: Fault[] = [];
  const values: [string, unknown][] = [];
  for (const [name, texts] of given) {
    if (!Object.hasOwn(schema.shape, name)) faults.push(unknown(name, Object.keys(schema.shape)));
    else {
      const of = schema.shape[name] as z.ZodType;
      const isList = core(of) instanceof z.ZodArray;
      if (texts.length > 1 && !isList) {
        faults.push({ parameter: name, reason: 'is given more than once', allowed: 'one value' });
      } else values.push([name, meantBy(of, texts)]);
    }
  }
  // A list of own entries: no name of a request becomes a key of an object before it is a known one.
  const parsed = schema.safeParse(Object.fromEntries(values));
  if (parsed.success && faults.length === 0) return parsed.data as z.output<Q>;
  throw refusal(
    ...faults,
    ...(parsed.error?.issues ?? []).map((issue) => faultOf(issue, schema, given)),
  );
}

function parametersOf(url: string): Map<string, string[]> {
  const mark = url.indexOf('?');
  const text = mark < 0 ? '' : url.slice(mark + 1);
  if (text.length > MOST_LENGTH) {
    throw refusal({
      parameter: '(query)',
      reason: 'is too long',
      allowed: `${MOST_LENGTH} characters`,
    });
  }
  const found = new Map<string, string[]>();
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    const others = found.get(name);
    if (others) others.push(value);
    else found.set(name, [value]);
  }
  if (count > MOST_PARAMETERS) {
    throw refusal({
      parameter: '(query)',
      reason: 'has too many parameters',
      allowed: `${MOST_PARAMETERS} parameters`,
    });
  }
  return found;
}

function unknown(name: string, known: readonly string[]): Fault {
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  const near = nearest(shown, known);
  return {
    parameter: shown,
    reason: `is not a parameter here${near ? `; did you mean ${near}?` : ''}`,
    allowed: known.length > 0 ? known.join(', ') : 'no parameters',
  };
}

/** What a text means for a schema's type; what it can't mean is left for the schema to refuse. */
function meantBy(schema: z.ZodType, texts: readonly string[]): unknown {
  const of = core(schema);
  if (of instanceof z.ZodArray) {
    const items = core(of.element as z.ZodType);
    if (items instanceof z.ZodEnum) return texts.flatMap((text) => text.split(','));
    return texts;
  }
  const text = texts[0] ?? '';
  if (of instanceof z.ZodNumber) return NUMBER.test(text) ? Number(text) : text;
  if (of instanceof z.ZodBoolean) return text === 'true' || (text === 'false' ? false : text);
  return text;
}

function faultOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  given: ReadonlyMap<string, unknown>,
): Fault {
  const parameter = String(issue.path[0] ?? '(query)');
  const of = schema.shape[parameter] as z.ZodType | undefined;
  const reason = given.has(parameter) ? reasonOf(issue) : 'is missing';
  return { parameter, reason, allowed: of && allowedBy(of) };
}

/** Zod's own words, without what was sent. */
function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return 'is not one of the known values';
  if (issue.code === 'invalid_type') {
    return `is not a ${issue.expected === 'int' ? 'whole number' : issue.expected}`;
  }
  if (issue.code === 'too_big') return 'is too large, too long or too many';
  if (issue.code === 'too_small') return 'is empty or too small';
  return 'does not look right';
}

/** The schema of a value that is given. */
function core(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return core(schema.unwrap() as z.ZodType);
  }
  return schema;
}
