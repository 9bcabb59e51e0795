import type { OtelScope } from '../../../core/otel/metric-data.ts';
import type { AttributesResult } from './attribute-set.ts';
import type { DecodeSession } from './decode-session.ts';
import type { ProtobufAttributes } from './protobuf-attributes.ts';
import type { MessageType, ProtobufReader } from './protobuf-reader.ts';

const RESOURCE: MessageType = { name: 'Resource', fields: { 1: 'attributes' } };
const SCOPE: MessageType = { name: 'InstrumentationScope', fields: { 1: 'name', 2: 'version' } };

/** Reads a `Resource`. A repeated occurrence is merged into `previous`. */
export function readResource(
  reader: ProtobufReader,
  attributes: ProtobufAttributes,
  previous: AttributesResult,
): AttributesResult {
  const outerEnd = reader.startMessage();
  let result = previous;
  while (reader.hasField) {
    const tagStart = reader.position;
    const tag = reader.tag();
    if (tag === 0x0a) result = attributes.readShared(tag, tagStart, result);
    else reader.skip(tag, RESOURCE);
  }
  reader.endMessage(outerEnd);
  return result;
}

/** Reads an `InstrumentationScope`. A name or a version that is too long is omitted. */
export function readScope(
  reader: ProtobufReader,
  { limits }: DecodeSession,
  previous: OtelScope,
): OtelScope {
  const outerEnd = reader.startMessage();
  let { name, version } = previous;
  while (reader.hasField) {
    const tag = reader.tag();
    if (tag === 0x0a) name = reader.string(limits.maxStringBytes) ?? '';
    else if (tag === 0x12) version = reader.string(limits.maxStringBytes) || undefined;
    else reader.skip(tag, SCOPE);
  }
  reader.endMessage(outerEnd);
  return { name, version };
}
