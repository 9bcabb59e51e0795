import type { IncomingHttpHeaders } from 'node:http';
import * as zlib from 'node:zlib';
import { createError } from '../../core/perfscope-error.ts';
import { redact } from '../../core/redact.ts';
import type { OtlpEncoding } from './decode/otlp-response.ts';

/** Compression of a body, from the header `Content-Encoding`. */
export type ContentCoding = 'identity' | 'gzip' | 'deflate' | 'zstd';

const MEDIA_TYPES: Readonly<Record<string, OtlpEncoding>> = {
  'application/x-protobuf': 'protobuf',
  'application/json': 'json',
};
const CONTENT_TYPES: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};
const CODINGS: Readonly<Record<string, ContentCoding>> = {
  '': 'identity',
  identity: 'identity',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  // Node.js supports zstd since version 22.15.
  ...('createZstdDecompress' in zlib && { zstd: 'zstd' }),
};
/** Values of `Content-Encoding` that the server accepts. */
export const ACCEPTED_CODINGS = Object.keys(CODINGS)
  .filter((name) => name !== '' && !name.startsWith('x-'))
  .join(', ');
const MAX_QUOTED_LENGTH = 60;
const PARAMETER_PATTERN = /^charset\s*=\s*"?([^"\s]*)"?$/i;

/** Returns the value of `Content-Type` for a response. */
export function getContentType(encoding: OtlpEncoding): string {
  return CONTENT_TYPES[encoding];
}

/**
 * Returns the encoding in which to report an error. The response has the request's content type. If that is
 * unknown, it is JSON.
 */
export function getErrorEncoding({
  'content-type': contentType,
}: IncomingHttpHeaders): OtlpEncoding {
  return getOtlpEncoding({ 'content-type': contentType }) ?? 'json';
}

/** Returns the encoding that belongs to the content type of a request. Undefined for other content types. */
export function getOtlpEncoding({
  'content-type': contentType,
}: IncomingHttpHeaders): OtlpEncoding | undefined {
  return MEDIA_TYPES[getMediaType(contentType)];
}

/** Returns whether the body of a request is a message of gRPC. */
export function isGrpc({ 'content-type': contentType = '' }: IncomingHttpHeaders): boolean {
  return /^\s*application\/grpc\b/i.test(contentType);
}

/**
 * Returns the encoding of a request's body.
 *
 * @throws PS_OTLP_GRPC for gRPC, and PS_OTLP_UNSUPPORTED for other content types
 */
export function parseContentType(headers: IncomingHttpHeaders): OtlpEncoding {
  const { 'content-type': contentType } = headers;
  const encoding = getOtlpEncoding(headers);
  if (encoding && isUtf8(contentType)) return encoding;
  if (isGrpc(headers)) throw createError('PS_OTLP_GRPC', {});
  throw createUnsupportedError('Content-Type', contentType, Object.keys(MEDIA_TYPES).join(' or '));
}

/** Returns the compression of a request's body. @throws PS_OTLP_UNSUPPORTED for other codings */
export function parseContentCoding({
  'content-encoding': coding = '',
}: IncomingHttpHeaders): ContentCoding {
  const name = coding.trim().toLowerCase();
  if (Object.hasOwn(CODINGS, name)) return CODINGS[name]!;
  throw createUnsupportedError('Content-Encoding', coding, ACCEPTED_CODINGS);
}

function getMediaType(contentType = ''): string {
  const [mediaType = ''] = contentType.split(';');
  const name = mediaType.trim().toLowerCase();
  return Object.hasOwn(MEDIA_TYPES, name) ? name : '';
}

function isUtf8(contentType = ''): boolean {
  const [, ...parameters] = contentType.split(';');
  return parameters.every((parameter) => {
    const [, charset] = PARAMETER_PATTERN.exec(parameter.trim()) ?? [];
    return charset === undefined || /^utf-?8$/i.test(charset);
  });
}

function createUnsupportedError(header: string, value: string | undefined, allowed: string) {
  // The message is also logged, so it must not contain a key that was sent in the wrong header.
  const quoted = value && redact(value.replaceAll(/[^\x20-\x7e]/g, '?'), MAX_QUOTED_LENGTH);
  return createError('PS_OTLP_UNSUPPORTED', {
    problem: quoted === undefined ? `${header} is missing` : `${header} is "${quoted}"`,
    allowed: `Use ${allowed}`,
  });
}
