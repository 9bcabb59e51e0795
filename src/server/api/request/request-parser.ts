import type { Request, RequestHandler } from 'express';
import express from 'express';
import { z } from 'zod';
import { formatRequestIssue } from '../../../core/config-files/format-zod-issue.ts';
import { findClosestMatch } from '../../../core/did-you-mean.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { resolveName } from '../../../core/vocabulary.ts';
import { createRequestError, formatPath, type ParameterError } from '../problem-details.ts';

/** In characters. Node limits the URL and the headers together to 16 KB. */
const MAX_QUERY_LENGTH = 8192;
const MAX_QUERY_PARAMETERS = 200;
const NUMBER_PATTERN = /^-?\d{1,15}(\.\d{1,15})?$/;

/**
 * Parses the query string of `url` according to `schema`. A list is a repeated parameter, or
 * comma-separated if its items are enum values.
 *
 * @throws PS_REQUEST_INVALID with every invalid parameter and its allowed values
 */
export function parseQueryString<Q extends z.ZodObject>(url: string, schema: Q): z.output<Q> {
  const parameters = parseParameters(url);
  const errors: ParameterError[] = [];
  // Entries, not an object: names from a request become object keys only after they are validated.
  const values: [string, unknown][] = [];
  const known = Object.keys(schema.shape);
  for (const [givenName, texts] of parameters) {
    const name = resolveName(givenName, known);
    if (name === undefined) errors.push(createUnknownNameError(givenName, known, 'parameter'));
    else if (name !== givenName && parameters.has(name)) {
      errors.push({ parameter: givenName, reason: `is another name of ${name}`, allowed: name });
    } else {
      const valueSchema = schema.shape[name] as z.ZodType;
      const isList = unwrapSchema(valueSchema) instanceof z.ZodArray;
      if (texts.length > 1 && !isList) {
        errors.push({ parameter: name, reason: 'is repeated', allowed: 'one value' });
      } else values.push([name, parseParameterValue(valueSchema, texts)]);
    }
  }
  const parsed = schema.safeParse(Object.fromEntries(values), { error: formatRequestIssue });
  if (parsed.success && errors.length === 0) return parsed.data as z.output<Q>;
  throw createRequestError(
    ...errors,
    ...(parsed.error?.issues ?? []).map((issue) => toParameterError(issue, schema, parameters)),
  );
}

function parseParameters(url: string): Map<string, string[]> {
  const start = url.indexOf('?');
  const text = start < 0 ? '' : url.slice(start + 1);
  if (text.length > MAX_QUERY_LENGTH) {
    throw createRequestError({
      parameter: '(query)',
      reason: 'is too long',
      allowed: `up to ${MAX_QUERY_LENGTH} characters`,
    });
  }
  const parameters = new Map<string, string[]>();
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    const values = parameters.get(name);
    if (values) values.push(value);
    else parameters.set(name, [value]);
  }
  if (count > MAX_QUERY_PARAMETERS) {
    throw createRequestError({
      parameter: '(query)',
      reason: 'has too many parameters',
      allowed: `up to ${MAX_QUERY_PARAMETERS} parameters`,
    });
  }
  return parameters;
}

function createUnknownNameError(
  name: string,
  known: readonly string[],
  kind: 'parameter' | 'property',
): ParameterError {
  const shortName = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  const closest = findClosestMatch(shortName, known);
  return {
    parameter: shortName,
    reason: `is not a ${kind} of this endpoint${closest ? `; did you mean ${closest}?` : ''}`,
    allowed: known.length > 0 ? known.join(', ') : 'no parameters',
  };
}

/** Converts text to the type of the schema. Text that can't be converted fails validation later. */
function parseParameterValue(schema: z.ZodType, texts: readonly string[]): unknown {
  const valueSchema = unwrapSchema(schema);
  if (valueSchema instanceof z.ZodArray) {
    const items = unwrapSchema(valueSchema.element as z.ZodType);
    if (items instanceof z.ZodEnum) {
      return texts.flatMap((text) => text.split(',')).map((text) => resolveOption(text, items));
    }
    return texts;
  }
  const text = texts[0] ?? '';
  if (valueSchema instanceof z.ZodEnum) return resolveOption(text, valueSchema);
  if (valueSchema instanceof z.ZodNumber) return NUMBER_PATTERN.test(text) ? Number(text) : text;
  if (valueSchema instanceof z.ZodBoolean) {
    return text === 'true' || (text === 'false' ? false : text);
  }
  return text;
}

/** Returns the option with this name or with the same meaning. Other text fails validation later. */
function resolveOption(text: string, { options }: z.ZodEnum): string {
  return resolveName(text, options.map(String)) ?? text;
}

function toParameterError(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  parameters: ReadonlyMap<string, unknown>,
): ParameterError {
  const parameter = String(issue.path[0] ?? '(query)');
  const valueSchema = schema.shape[parameter] as z.ZodType | undefined;
  const reason = parameters.has(parameter) ? issue.message : 'is missing';
  return { parameter, reason, allowed: valueSchema && describeAllowedValues(valueSchema) };
}

/** Removes the optional and default wrappers of a schema. */
function unwrapSchema(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return unwrapSchema(schema.unwrap() as z.ZodType);
  }
  return schema;
}

/**
 * Returns a text such as `asc, desc`. If the values can't be listed, returns the part of the
 * description that names them: `a number such as 5` for `Size of the page: a number such as 5.`
 */
function describeAllowedValues(schema: z.ZodType): string | undefined {
  const valueSchema = unwrapSchema(schema);
  if (valueSchema instanceof z.ZodEnum) return valueSchema.options.join(', ');
  if (valueSchema instanceof z.ZodBoolean) return 'true, false';
  if (valueSchema instanceof z.ZodArray) {
    const items = unwrapSchema(valueSchema.element as z.ZodType);
    const allowed = describeAllowedValues(items);
    if (allowed !== undefined)
      return items instanceof z.ZodEnum ? `one or more of ${allowed}` : allowed;
  }
  if (valueSchema instanceof z.ZodNumber) {
    const { minValue, maxValue, isInt } = valueSchema;
    const range = isFiniteNumber(minValue) && isFiniteNumber(maxValue);
    if (range) return `a ${isInt ? 'whole ' : ''}number from ${minValue} to ${maxValue}`;
  }
  const description = schema.meta()?.description ?? valueSchema.meta()?.description;
  const [sentence = ''] = description?.split(/\.(?: |$)/) ?? [];
  const allowed = sentence.slice(sentence.indexOf(': ') + 1).trim();
  return allowed === ''
    ? undefined
    : allowed.replace(/^[A-Z](?=[a-z])/, (text) => text.toLowerCase());
}

function isFiniteNumber(value: number | null): boolean {
  return value !== null && Math.abs(value) < Number.MAX_SAFE_INTEGER;
}

/** Validates a JSON body. @throws PS_REQUEST_INVALID with every invalid property */
export function parseBody(body: unknown, schema: z.ZodObject | undefined): unknown {
  if (!schema) return undefined;
  const known = Object.keys(schema.shape);
  const parsed = schema.safeParse(resolveKeys(body ?? {}, known), { error: formatRequestIssue });
  if (parsed.success) return parsed.data;
  throw createRequestError(
    ...parsed.error.issues.flatMap((issue) => toBodyErrors(issue, schema, known)),
  );
}

function toBodyErrors(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  known: readonly string[],
): ParameterError[] {
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    return issue.keys.map((key) => createUnknownNameError(key, known, 'property'));
  }
  const valueSchema = schema.shape[String(issue.path[0])] as z.ZodType | undefined;
  const isMissing = issue.path.length === 1 && issue.message === 'is missing';
  return [
    {
      parameter: issue.path.join('.') || '(body)',
      reason: issue.message,
      allowed: isMissing ? valueSchema && describeAllowedValues(valueSchema) : undefined,
    },
  ];
}

/** Renames keys that have another name in the schema. */
function resolveKeys(body: unknown, known: readonly string[]): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const entries = Object.entries(body).map(([key, value]) => {
    const name = resolveName(key, known) ?? key;
    return [name !== key && Object.hasOwn(body, name) ? key : name, value] as const;
  });
  return Object.fromEntries(entries);
}

/** Validates the parameters of a request's path. @throws PS_NOT_FOUND if an ID can't exist */
export function parsePathParams(
  request: Pick<Request, 'params' | 'baseUrl' | 'path'>,
  schema: z.ZodObject = z.object({}),
): Record<string, string> {
  const parsed = schema.safeParse(request.params);
  if (parsed.success) return parsed.data as Record<string, string>;
  throw createError('PS_NOT_FOUND', { path: formatPath(request) });
}

const parseJson = express.json({ limit: '64kb' });

/** Messages for the error types of the parser. Its own messages can quote the body, with its secrets. */
const JSON_PROBLEMS: Readonly<Record<string, string>> = {
  'entity.parse.failed': 'is not valid JSON',
  'entity.too.large': 'is larger than 64 KB',
  'encoding.unsupported': 'has an unsupported Content-Encoding; use gzip, deflate, or br',
  'charset.unsupported': 'has an unsupported character set; use UTF-8',
  'request.aborted': 'is incomplete',
  'request.size.invalid': 'is not as long as its Content-Length',
};

/** Parses a JSON body of up to 64 KB. An invalid body gets a 400 response (PS_REQUEST_INVALID). */
export const jsonBodyParser: RequestHandler = (request, response, next) => {
  // `is` returns null for a request without a body.
  if (request.is('application/json') === false) {
    const reason = 'has an unsupported Content-Type';
    return next(createRequestError({ parameter: '(body)', reason, allowed: 'application/json' }));
  }
  return parseJson(request, response, (error?: unknown) => {
    if (!error) return next();
    const problem = JSON_PROBLEMS[String((error as { type?: unknown }).type)];
    next(createRequestError({ parameter: '(body)', reason: problem ?? 'cannot be decoded' }));
  });
};
