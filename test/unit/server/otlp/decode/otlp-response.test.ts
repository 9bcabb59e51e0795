import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import {
  encodeExportResponse,
  encodeStatus,
} from '../../../../../src/server/otlp/decode/otlp-response.ts';
import { MetricsResponse, TracesResponse } from '../../../../support/official-otlp.ts';

// From googleapis: google/rpc/status.proto and google/rpc/error_details.proto.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message FieldViolation { string field = 1; string description = 2; }
  message BadRequest { repeated FieldViolation field_violations = 1; }
`);

describe('the response to an export', () => {
  it('is an empty message if all data was accepted', () => {
    expect(encodeExportResponse('metrics', 'protobuf')).toHaveLength(0);
    expect(encodeExportResponse('traces', 'json').toString()).toBe('{}');
  });

  it('contains the number of rejected points or spans, and a message', () => {
    const partialSuccess = { rejected: 5, message: 'Points are too old.' };
    const options = { longs: Number };
    const metrics = encodeExportResponse('metrics', 'protobuf', partialSuccess);
    expect(MetricsResponse.toObject(MetricsResponse.decode(metrics), options)).toEqual({
      partialSuccess: { rejectedDataPoints: 5, errorMessage: 'Points are too old.' },
    });
    const traces = encodeExportResponse('traces', 'protobuf', partialSuccess);
    expect(TracesResponse.toObject(TracesResponse.decode(traces), options)).toEqual({
      partialSuccess: { rejectedSpans: 5, errorMessage: 'Points are too old.' },
    });
    expect(JSON.parse(encodeExportResponse('traces', 'json', partialSuccess).toString())).toEqual({
      partialSuccess: { rejectedSpans: '5', errorMessage: 'Points are too old.' },
    });
  });

  it('contains only a message if it is a warning', () => {
    const warning = { rejected: 0, message: 'The series have ended.' };
    const body = encodeExportResponse('metrics', 'protobuf', warning);
    expect(MetricsResponse.toObject(MetricsResponse.decode(body))).toEqual({
      partialSuccess: { errorMessage: 'The series have ended.' },
    });
    expect(JSON.parse(encodeExportResponse('metrics', 'json', warning).toString())).toEqual({
      partialSuccess: { errorMessage: 'The series have ended.' },
    });
  });
});

describe('the status of a failed request', () => {
  const violation = { field: 'resourceMetrics[0]', description: 'it is not a JSON object' };
  const status = { code: 3, message: 'Invalid request', violation };

  it('is a google.rpc.Status in protobuf, with a BadRequest', () => {
    const Status = root.lookupType('Status');
    const decoded = Status.toObject(Status.decode(encodeStatus('protobuf', status)));
    expect(decoded).toMatchObject({ code: 3, message: 'Invalid request' });
    const [detail] = decoded.details;
    expect(detail.typeUrl).toBe('type.googleapis.com/google.rpc.BadRequest');
    const BadRequest = root.lookupType('BadRequest');
    expect(BadRequest.toObject(BadRequest.decode(detail.value))).toEqual({
      fieldViolations: [violation],
    });
  });

  it('is a google.rpc.Status in JSON', () => {
    expect(JSON.parse(encodeStatus('json', status).toString())).toEqual({
      code: 3,
      message: 'Invalid request',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [violation] },
      ],
    });
    expect(JSON.parse(encodeStatus('json', { code: 14, message: 'later' }).toString())).toEqual({
      code: 14,
      message: 'later',
    });
  });
});
