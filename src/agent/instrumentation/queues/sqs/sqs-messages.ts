import type { Tenant } from '../../context/tenant-context.ts';
import { createStoredTenant, readStoredTenant, TENANT_PROPERTY } from '../stored-tenant.ts';

/** A message, or an entry of a batch. */
export interface SqsMessage {
  Id?: string;
  MessageId?: string;
  ReceiptHandle?: string;
  MessageBody?: string;
  Body?: string;
  DelaySeconds?: number;
  Attributes?: Record<string, string>;
  MessageAttributes?: Record<string, SqsAttribute>;
  MD5OfMessageAttributes?: string;
}

interface SqsAttribute {
  DataType?: string;
  StringValue?: string;
  BinaryValue?: Uint8Array;
}

/** Input of a command that receives messages. */
export interface ReceiveInput {
  QueueUrl?: string;
  VisibilityTimeout?: number;
  AttributeNames?: readonly string[];
  MessageSystemAttributeNames?: readonly string[];
  MessageAttributeNames?: readonly string[];
}

/** The tenant and the time in a message. */
export interface MessageHeader {
  readonly tenant: Tenant | undefined;
  /** When the message was sent, in ms since the epoch. */
  readonly sentMs: number | undefined;
}

/** System attributes that the agent needs. */
const SYSTEM_ATTRIBUTES = ['SentTimestamp', 'ApproximateReceiveCount'];
/** SQS allows 10 attributes. */
const MAX_ATTRIBUTES = 10;
/** The old limit of SQS for a batch is 256 KiB. Leaves room for the attributes of the application and of the agent. */
const MAX_BODY_BYTES = 200_000;

/**
 * Returns messages with an attribute that contains the current tenant and the time.
 *
 * @param sentMs time in ms since the epoch
 * @returns undefined if there is no tenant, or if a message has no room for the attribute
 */
export function addHeaders(
  messages: readonly SqsMessage[],
  sentMs: number,
): SqsMessage[] | undefined {
  const tenant = createStoredTenant();
  if (!tenant || messages.length === 0) return undefined;
  let bytes = 0;
  for (const { MessageBody = '', MessageAttributes = {} } of messages) {
    bytes += Buffer.byteLength(MessageBody);
    const names = Object.keys(MessageAttributes);
    if (names.length >= MAX_ATTRIBUTES || names.includes(TENANT_PROPERTY)) return undefined;
    for (const name of names) {
      const { StringValue = '', BinaryValue } = MessageAttributes[name] ?? {};
      bytes += Buffer.byteLength(StringValue) + (BinaryValue?.byteLength ?? 0);
    }
  }
  if (bytes > MAX_BODY_BYTES) return undefined;
  const StringValue = JSON.stringify({ ...tenant, time: sentMs });
  const attribute = { DataType: 'String', StringValue };
  return messages.map((message) => ({
    ...message,
    MessageAttributes: { ...message.MessageAttributes, [TENANT_PROPERTY]: attribute },
  }));
}

/** Returns an input that also requests the attributes that the agent needs. */
export function requestAttributes(input: ReceiveInput, requestHeader: boolean): ReceiveInput {
  // Newer versions have another name for the same list. All versions and servers support the old name.
  const key = input.MessageSystemAttributeNames ? 'MessageSystemAttributeNames' : 'AttributeNames';
  const names = input[key] ?? [];
  const missing = names.includes('All')
    ? []
    : SYSTEM_ATTRIBUTES.filter((name) => !names.includes(name));
  const custom = input.MessageAttributeNames ?? [];
  return {
    ...input,
    ...(missing.length > 0 && { [key]: [...names, ...missing] }),
    ...(requestHeader &&
      !isHeaderRequested(custom) && { MessageAttributeNames: [...custom, TENANT_PROPERTY] }),
  };
}

function isHeaderRequested(names: readonly string[]): boolean {
  return names.some((name) => name === 'All' || name === '.*' || name === TENANT_PROPERTY);
}

/** Removes the tenant from a received message, and returns it. */
export function takeHeader(message: SqsMessage): MessageHeader {
  const { MessageAttributes: attributes } = message;
  const text = attributes?.[TENANT_PROPERTY]?.StringValue;
  const header = text === undefined ? undefined : parseHeader(text);
  if (!attributes || !header) return { tenant: undefined, sentMs: undefined };
  delete attributes[TENANT_PROPERTY];
  if (Object.keys(attributes).length === 0) {
    delete message.MessageAttributes;
    delete message.MD5OfMessageAttributes;
  } else if (message.MD5OfMessageAttributes !== undefined)
    message.MD5OfMessageAttributes = computeAttributesMd5(attributes);
  return header;
}

/**
 * Replaces the digest in the result of a send with the digest of the attributes that the application sent. The digest of
 * SQS also contains the header.
 */
export function restoreSentDigest(
  result: SqsMessage,
  { MessageAttributes: attributes = {} }: SqsMessage,
): void {
  if (result.MD5OfMessageAttributes === undefined) return;
  if (Object.keys(attributes).length === 0) delete result.MD5OfMessageAttributes;
  else result.MD5OfMessageAttributes = computeAttributesMd5(attributes);
}

function parseHeader(text: string): MessageHeader | undefined {
  try {
    const value = JSON.parse(text) as { time?: unknown } | null;
    const tenant = readStoredTenant(value);
    const time = value?.time;
    return tenant && { tenant, sentMs: typeof time === 'number' ? time : undefined };
  } catch {
    return undefined;
  }
}

/** Removes the system attributes that the application didn't request. */
export function removeUnrequestedAttributes(message: SqsMessage, input: ReceiveInput): void {
  const { Attributes: attributes } = message;
  const names = new Set([
    ...(input.AttributeNames ?? []),
    ...(input.MessageSystemAttributeNames ?? []),
  ]);
  if (!attributes || names.has('All')) return;
  for (const name of SYSTEM_ATTRIBUTES) if (!names.has(name)) delete attributes[name];
  if (Object.keys(attributes).length === 0) delete message.Attributes;
}

/**
 * Computes the MD5 digest of message attributes, as in
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html.
 */
function computeAttributesMd5(attributes: Record<string, SqsAttribute>): string {
  // Loaded on first use, because it takes a few ms.
  const md5 = process.getBuiltinModule('node:crypto').createHash('md5');
  const addValue = (value: Uint8Array) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.byteLength);
    md5.update(length).update(value);
  };
  for (const name of Object.keys(attributes).sort()) {
    const { DataType = '', StringValue, BinaryValue } = attributes[name]!;
    addValue(Buffer.from(name));
    addValue(Buffer.from(DataType));
    md5.update(Buffer.from([BinaryValue ? 2 : 1]));
    addValue(BinaryValue ?? Buffer.from(StringValue ?? ''));
  }
  return md5.digest('hex');
}
