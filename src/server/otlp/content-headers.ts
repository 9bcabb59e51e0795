import type { IncomingHttpHeaders } from 'node:http';
import * as zlib from 'node:zlib';
import { createError } from '../../core/perfscope-error.ts';
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
  return MEDIA_TYPES[getMediaType(contentType)] ?? 'json';
}

/** Returns the encoding of a request's body. @throws PS_OTLP_UNSUPPORTED for other content types */
export function parseContentType({
  'content-type': contentType,
}: IncomingHttpHeaders): OtlpEncoding {
  const encoding = MEDIA_TYPES[getMediaType(contentType)];
  if (encoding && isUtf8(contentType)) return encoding;
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
  const quoted = value?.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_QUOTED_LENGTH);
  return createError('PS_OTLP_UNSUPPORTED', {
    problem: quoted === undefined ? `${header} is missing` : `${header} is "${quoted}"`,
    allowed: `Use ${allowed}`,
  });
}
