/** An SQS queue. */
export interface SqsQueue {
  readonly name: string;
  /** `<account>@<host>/<region>`, or `<account>@<host>:<port>` for other servers. */
  readonly scope: string;
}

/** Maximum number of parsed URLs to remember. */
const MAX_URLS = 1000;
const queues = new Map<string, SqsQueue>();

/**
 * Returns the name and scope of a queue. The account ID and the region are parts of the URL.
 *
 * @param url URL of the queue, or its name
 */
export function parseQueueUrl(url: unknown): SqsQueue {
  const text = typeof url === 'string' ? url : '';
  const known = queues.get(text);
  if (known) return known;
  const queue = parse(text);
  if (queues.size >= MAX_URLS) queues.delete(queues.keys().next().value!);
  queues.set(text, queue);
  return queue;
}

function parse(text: string): SqsQueue {
  const url = URL.parse(text);
  if (!url) return { name: text, scope: 'sqs' };
  const segments = url.pathname.split('/').filter(Boolean);
  const name = segments.at(-1) ?? '';
  const account = segments.at(-2) ?? '';
  const [, region] = /^sqs\.([\w-]+)\.amazonaws\./.exec(url.hostname) ?? [];
  const host = url.hostname === 'localhost' ? url.host.replace('localhost', '127.0.0.1') : url.host;
  return { name, scope: `${account}@${host}${region === undefined ? '' : `/${region}`}` };
}
