import { expect, it } from 'vitest';
import { getCallErrorKind } from '../../../../src/core/otel/mapping/call-errors.ts';

it.each([
  ['refused', { code: 'ECONNREFUSED' }],
  ['refused', Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })],
  ['dns', { code: 'ENOTFOUND' }],
  ['dns', { code: 'EAI_AGAIN' }],
  ['tls', { code: 'CERT_HAS_EXPIRED' }],
  ['tls', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }],
  ['tls', { code: 'SELF_SIGNED_CERT_IN_CHAIN' }],
  ['tls', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }],
  ['tls', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }],
  ['tls', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }],
  ['tls', { code: 'EPROTO' }],
  ['timeout', { code: 'ETIMEDOUT' }],
  ['timeout', { code: 'UND_ERR_HEADERS_TIMEOUT' }],
  ['timeout', new DOMException('', 'TimeoutError')],
  ['timeout', { code: 'ECONNABORTED', message: 'timeout of 50ms exceeded' }],
  ['timeout', { code: 'ABORT_ERR', cause: new DOMException('', 'TimeoutError') }],
  ['reset', { code: 'ECONNRESET' }],
  ['reset', { code: 'UND_ERR_SOCKET' }],
  ['unreachable', { code: 'EHOSTUNREACH' }],
  ['aborted', new DOMException('', 'AbortError')],
  ['aborted', { code: 'UND_ERR_ABORTED' }],
  ['aborted', { code: 'ECONNABORTED', message: 'Request aborted' }],
  ['aborted', 'the reason of a signal'],
  ['aborted', undefined],
  ['invalid_response', { code: 'HPE_INVALID_CONSTANT' }],
  ['_OTHER', new Error('secret')],
  ['_OTHER', { code: 'E_SECRET_7' }],
  [
    '_OTHER',
    {
      get code(): string {
        throw new Error('a getter that throws');
      },
    },
  ],
])('the kind %s', (kind, error) => {
  expect(getCallErrorKind(error)).toBe(kind);
});
