import { describe, expect, it } from 'vitest';
import { countEndpoints, listErrors, sumEndpoints } from '../support/endpoint-rows.ts';
import { type LibraryProgram, runLibraryProgram } from '../support/library-program.ts';

interface GrpcResult {
  /** Statuses that the clients received. */
  readonly codes: readonly string[];
  /** Duration of all calls, which were sent one after the other. */
  readonly totalMs: number;
  readonly address: string;
}

const CALLS = 'rpc.server.call.duration';
const STREAMS = 'perfscope.rpc.stream.duration';
const OUTGOING = 'rpc.client.call.duration';

describe.each([
  ['servers-1', 'INTERNAL'],
  ['servers-2', 'UNKNOWN'],
])('@grpc/grpc-js in %s', (folder, statusOfThrow) => {
  const title = 'records each call of a server and a client on Node %s as %s';
  const check = async (node: LibraryProgram['node'], modules: LibraryProgram['modules']) => {
    const { result, rows, stderr } = await runLibraryProgram<GrpcResult>({
      program: '../rpc/grpc.cjs',
      library: '@grpc/grpc-js',
      folder,
      node,
      modules,
      env: { PERFORMANCE_ORGANIZATION_HEADER: 'x-org' },
    });
    expect(stderr).toBe('');
    const unknown = ['UNIMPLEMENTED', 'UNIMPLEMENTED', 'UNIMPLEMENTED'];
    const ended = ['DEADLINE_EXCEEDED', 'CANCELLED', ...unknown, 'UNAVAILABLE'];
    expect(result.codes).toEqual(['NOT_FOUND', 'UNKNOWN', statusOfThrow, ...ended]);

    expect(countEndpoints(rows, CALLS)).toEqual({
      'grpc hotel.Rooms/Get': [9, 3, 1],
      'grpc hotel.Rooms/Get @org-7': [1, 0, 0],
      'grpc hotel.Rooms/Flaky': [3, 2, 0],
      'grpc (unknown method)': [3, 3, 0],
    });
    expect(countEndpoints(rows, STREAMS)).toEqual({
      'grpc hotel.Rooms/Upload': [1, 0, 0],
      'grpc hotel.Rooms/List': [2, 1, 0],
      'grpc hotel.Rooms/Chat': [1, 0, 0],
    });
    // Only the HTTP server in the same process counts requests of HTTP.
    expect(countEndpoints(rows, 'http.server.request.duration')).toEqual({
      'GET (no route)': [3, 0, 0],
    });
    expect(countEndpoints(rows, 'http.server.stream.duration')).toEqual({});

    const calls = sumEndpoints(rows, CALLS)['grpc hotel.Rooms/Get']!;
    expect(calls.outgoingCalls).toBe(1);
    // A slow response of 40 ms, and a deadline of 500 ms, which the client measures from an earlier time.
    expect(calls.durationMs).toBeGreaterThan(400);
    expect(calls.durationMs).toBeLessThan(result.totalMs);
    expect(sumEndpoints(rows, STREAMS)['grpc hotel.Rooms/Chat']).toMatchObject({
      outgoingCalls: 2,
    });
    expect(listErrors(rows)).toEqual([
      ['Error: the room is broken (hotel.Rooms/Get)', 1],
      ['RangeError: the list is broken (hotel.Rooms/List)', 1],
      ['TypeError: the handler threw (hotel.Rooms/Get)', 1],
      [
        'gRPC DEADLINE_EXCEEDED: grpc hotel.Rooms/Get responded with DEADLINE_EXCEEDED (hotel.Rooms/Get)',
        1,
      ],
      [
        'gRPC UNAVAILABLE: grpc hotel.Rooms/Flaky responded with UNAVAILABLE (hotel.Rooms/Flaky)',
        2,
      ],
      [
        'gRPC UNIMPLEMENTED: grpc (unknown method) responded with UNIMPLEMENTED ((unknown method))',
        3,
      ],
    ]);

    const server = result.address;
    expect(countEndpoints(rows, OUTGOING)).toEqual({
      [`grpc hotel.Rooms/Get ${server}`]: [11, 5, 0],
      [`grpc hotel.Rooms/Flaky ${server}`]: [1, 0, 0],
      [`grpc hotel.Rooms/Upload ${server}`]: [1, 0, 0],
      [`grpc hotel.Rooms/List ${server}`]: [2, 1, 0],
      [`grpc hotel.Rooms/Chat ${server}`]: [1, 0, 0],
      [`grpc hotel.Scanner/Path0 ${server}`]: [1, 1, 0],
      [`grpc hotel.Scanner/Path1 ${server}`]: [1, 1, 0],
      [`grpc hotel.Scanner/Path2 ${server}`]: [1, 1, 0],
      'grpc hotel.Rooms/Get 127.0.0.1:1': [1, 1, 0],
    });
  };
  const all = ([22, 24, 26] as const).flatMap((node) =>
    (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
  );
  it.concurrent.each(all.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(all.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

/** Node.js 24 loads the library as an ES module, and the others as CommonJS. */
function isInCi([node, modules]: readonly [number, string]): boolean {
  return (node === 24) === (modules === 'ESM');
}
