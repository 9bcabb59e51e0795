import type { Library } from '../../loading/library.ts';
import { createClientPatch } from '../../outgoing/grpc-client.ts';
import { patchServer, patchServerCalls } from './grpc-server.ts';

/**
 * Measures calls that a server receives, and calls that clients send. The channels of `node:http2` publish the start
 * and the end of each stream of a server. So a call is a request, and gRPC only provides its name and status.
 */
export const GRPC_JS: Library = {
  name: '@grpc/grpc-js',
  category: 'rpc',
  versions: { from: '1.8.0', to: 1 },
  measured:
    'Duration and status of each call that a server receives or a client sends, by method, and errors that handlers throw or return. Calls to methods that the server does not implement have one name.',
  limits:
    'Calls that a server receives need Node.js 22.18, 24.3, or newer. A status without an `Error` has no stack.',
  bundledMessages: ['No handler registered for method '],
  instrument: ({ outgoing }) => ({
    patches: {
      'build/src/server.js': patchServer,
      'build/src/server-call.js': patchServerCalls,
      'build/src/client-interceptors.js': createClientPatch(outgoing),
    },
  }),
};
