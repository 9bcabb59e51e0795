import { PerformanceMetricType as T } from '../../schema/enums.ts';

const RPC_CLIENT = { type: T.OUTGOING_REQUEST_TIME, isOutgoing: true } as const;
const RPC_DIMENSIONS = { endpoint: ['rpc.method'], operation: ['rpc.system.name'] };
const ROUTE = { endpoint: ['http.route'] };
const MESSAGE_DIMENSIONS = { ...ROUTE, operation: ['network.io.direction'] };

/** Metrics of gRPC calls and WebSockets, for `getMetricDefinition`. */
export const CALL_METRICS = {
  'perfscope.rpc.stream.duration': { type: T.API_STREAM_DURATION, dimensions: RPC_DIMENSIONS },
  'perfscope.websocket.message.duration': { type: T.API_RESPONSE_TIME },
  'perfscope.websocket.connection.duration': {
    type: T.CUSTOM,
    dimensions: { ...ROUTE, operation: ['perfscope.websocket.close'] },
  },
  'perfscope.websocket.messages': { type: T.CUSTOM, dimensions: MESSAGE_DIMENSIONS },
  'perfscope.websocket.io': { type: T.CUSTOM, dimensions: MESSAGE_DIMENSIONS },
  'rpc.server.call.duration': {
    type: T.API_RESPONSE_TIME,
    defaultUnit: 's',
    isServer: true,
    dimensions: RPC_DIMENSIONS,
  },
  'rpc.server.duration': {
    type: T.API_RESPONSE_TIME,
    storedName: 'rpc.server.call.duration',
    defaultUnit: 'ms',
    isServer: true,
    dimensions: RPC_DIMENSIONS,
  },
  'rpc.client.call.duration': { ...RPC_CLIENT, defaultUnit: 's' },
  'rpc.client.duration': {
    ...RPC_CLIENT,
    storedName: 'rpc.client.call.duration',
    defaultUnit: 'ms',
  },
} as const;
