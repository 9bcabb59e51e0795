import type { RequestHandler } from 'express';
import express from 'express';
import { z } from 'zod';
import { findClosestMatch } from '../../../core/did-you-mean.ts';
import { createError, errorMessage } from '../../../core/errors.ts';
import { createRequestError, type ParameterError } from '../problem-details.ts';

/** Longest query string in characters; a URL of Node's must fit into 16 KB with its headers. */
const MAX_QUERY_LENGTH = 8192;
const MAX_QUERY_PARAMETERS = 200;
const NUMBER_PATTERN = /^-?\d{1,15}(\.\d{1,15})?$/;

/**
 * Reads the query string of `url` as `schema` says: lists are repeated parameters, or separated by
 * commas where their values are fixed names.
 *
 * @throws PS_REQUEST_INVALID with all faults, each with the parameter's name and what is allowed
 */
export function parseQueryString<Q extends z.ZodObject>(url: string, schema: Q): z.output<Q> {
  const given = parseParameters(url);
  const faults: ParameterError[] = [];
  const values: [string, unknown][] = [];
  for (const [name, texts] of given) {
    if (!Object.hasOwn(schema.shape, name))
      faults.push(createUnknownParameterError(name, Object.keys(schema.shape)));
    else {
      const of = schema.shape[name] as z.ZodType;
      const isList = unwrapSchema(of) instanceof z.ZodArray;
      if (texts.length > 1 && !isList) {
        faults.push({ parameter: name, reason: 'is given more than once', allowed: 'one value' });
      } else values.push([name, parseParameterValue(of, texts)]);
    }
  }
  // A list of own entries: no name of a request becomes a key of an object before it is a known one.
  const parsed = schema.safeParse(Object.fromEntries(values));
  if (parsed.success && faults.length === 0) return parsed.data as z.output<Q>;
  throw createRequestError(
    ...faults,
    ...(parsed.error?.issues ?? []).map((issue) => toParameterError(issue, schema, given)),
  );
}

function parseParameters(url: string): Map<string, string[]> {
  const mark = url.indexOf('?');
  const text = mark < 0 ? '' : url.slice(mark + 1);
  if (text.length > MAX_QUERY_LENGTH) {
    throw createRequestError({
      parameter: '(query)',
      reason: 'is too long',
      allowed: `${MAX_QUERY_LENGTH} characters`,
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
  if (count > MAX_QUERY_PARAMETERS) {
    throw createRequestError({
      parameter: '(query)',
      reason: 'has too many parameters',
      allowed: `${MAX_QUERY_PARAMETERS} parameters`,
    });
  }
  return found;
}

function createUnknownParameterError(name: string, known: readonly string[]): ParameterError {
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  const near = findClosestMatch(shown, known);
  return {
    parameter: shown,
    reason: `is not a parameter here${near ? `; did you mean ${near}?` : ''}`,
    allowed: known.length > 0 ? known.join(', ') : 'no parameters',
  };
}

/** What a text means for a schema's type; what it can't mean is left for the schema to refuse. */
function parseParameterValue(schema: z.ZodType, texts: readonly string[]): unknown {
  const of = unwrapSchema(schema);
  if (of instanceof z.ZodArray) {
    const items = unwrapSchema(of.element as z.ZodType);
    if (items instanceof z.ZodEnum) return texts.flatMap((text) => text.split(','));
    return texts;
  }
  const text = texts[0] ?? '';
  if (of instanceof z.ZodNumber) return NUMBER_PATTERN.test(text) ? Number(text) : text;
  if (of instanceof z.ZodBoolean) return text === 'true' || (text === 'false' ? false : text);
  return text;
}

function toParameterError(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  given: ReadonlyMap<string, unknown>,
): ParameterError {
  const parameter = String(issue.path[0] ?? '(query)');
  const of = schema.shape[parameter] as z.ZodType | undefined;
  const reason = given.has(parameter) ? formatIssue(issue) : 'is missing';
  return { parameter, reason, allowed: of && describeAllowedValues(of) };
}

/** Zod's own words, without what was sent. */
function formatIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return 'is not one of the known values';
  if (issue.code === 'invalid_type') {
    return `is not a ${issue.expected === 'int' ? 'whole number' : issue.expected}`;
  }
  if (issue.code === 'too_big') return 'is too large, too long or too many';
  if (issue.code === 'too_small') return 'is empty or too small';
  return 'does not look right';
}

/** The schema of a value that is given. */
function unwrapSchema(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return unwrapSchema(schema.unwrap() as z.ZodType);
  }
  return schema;
}

/** What a parameter may be, in words. */
function describeAllowedValues(schema: z.ZodType): string | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return schema.meta()?.description ?? describeAllowedValues(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodEnum) return schema.options.join(', ');
  if (schema instanceof z.ZodArray) {
    const each = describeAllowedValues(schema.element as z.ZodType);
    return each && `one or more of ${each}`;
  }
  return schema.meta()?.description;
}

/** Reads a JSON body as `schema` says. @throws PS_REQUEST_INVALID with all faults */
export function parseBody(body: unknown, schema: z.ZodObject | undefined): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  throw createRequestError(
    ...parsed.error.issues.map(({ path, message }) => ({
      parameter: path.join('.') || '(body)',
      reason: message,
    })),
  );
}

/** Reads what the path names. @throws PS_NOT_FOUND where nothing can have such a name */
export function parsePathParams(
  params: Readonly<Record<string, unknown>>,
  schema: z.ZodObject = z.object({}),
): Record<string, string> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data as Record<string, string>;
  throw createError('PS_NOT_FOUND', { path: Object.values(params).join('/').slice(0, 100) });
}

const parseJson = express.json({ limit: '64kb' });

/** Reads a JSON body of at most 64 KB; what can't be read is a 400 (PS_REQUEST_INVALID). */
export const jsonBodyParser: RequestHandler = (request, response, next) => {
  parseJson(request, response, (error?: unknown) => {
    // The parser's own message quotes the body, which may hold anything.
    const kind = (error as { type?: unknown } | undefined)?.type ?? errorMessage(error);
    next(
      error &&
        createError('PS_REQUEST_INVALID', { reason: `its body is no JSON of ours (${kind})` }),
    );
  });
};
