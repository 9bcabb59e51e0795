import type { MessageType } from './protobuf-reader.ts';

export const NUMBER_POINT: MessageType = {
  name: 'NumberDataPoint',
  fields: {
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'as_double',
    5: 'exemplars',
    6: 'as_int',
    7: 'attributes',
    8: 'flags',
  },
};
export const HISTOGRAM_POINT: MessageType = {
  name: 'HistogramDataPoint',
  fields: {
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'count',
    5: 'sum',
    6: 'bucket_counts',
    7: 'explicit_bounds',
    8: 'exemplars',
    9: 'attributes',
    10: 'flags',
    11: 'min',
    12: 'max',
  },
};
export const EXPONENTIAL_POINT: MessageType = {
  name: 'ExponentialHistogramDataPoint',
  fields: {
    1: 'attributes',
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'count',
    5: 'sum',
    6: 'scale',
    7: 'zero_count',
    8: 'positive',
    9: 'negative',
    10: 'flags',
    11: 'exemplars',
    12: 'min',
    13: 'max',
    14: 'zero_threshold',
  },
};
export const BUCKETS: MessageType = {
  name: 'Buckets',
  fields: { 1: 'offset', 2: 'bucket_counts' },
};
export const SUMMARY_POINT: MessageType = {
  name: 'SummaryDataPoint',
  fields: {
    2: 'start_time_unix_nano',
    3: 'time_unix_nano',
    4: 'count',
    5: 'sum',
    6: 'quantile_values',
    7: 'attributes',
    8: 'flags',
  },
};
export const QUANTILE: MessageType = {
  name: 'ValueAtQuantile',
  fields: { 1: 'quantile', 2: 'value' },
};
export const EXEMPLAR: MessageType = {
  name: 'Exemplar',
  fields: {
    2: 'time_unix_nano',
    3: 'as_double',
    4: 'span_id',
    5: 'trace_id',
    6: 'as_int',
    7: 'filtered_attributes',
  },
};
