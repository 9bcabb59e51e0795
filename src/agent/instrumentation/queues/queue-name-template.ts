const MAX_NAMES = 1000;
const templates = new Map<string, string>();

/** Names that RabbitMQ chooses. */
const SERVER_NAMES = /^(amq\.gen|amq\.rabbitmq\.reply-to|amq\.ctag)\b.*$/s;
const UUID = /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/gi;
/** A long hexadecimal text, or a long number. Short numbers can be versions. */
const LONG_ID = /(?<![0-9a-z])(?:[0-9a-f]*\d[0-9a-f]*)(?![0-9a-z])/gi;
const MIN_HEX_LENGTH = 12;
const MIN_NUMBER_LENGTH = 6;
const MAX_NAME_LENGTH = 255;

/**
 * Returns the template of a queue, topic, or exchange. Names that a server or client generates have the same template, such
 * as `amq.gen` or `reply.{id}`.
 */
export function toQueueTemplate(name: string): string {
  const known = templates.get(name);
  if (known !== undefined) return known;
  const template = createTemplate(name);
  if (templates.size >= MAX_NAMES) templates.clear();
  templates.set(name, template);
  return template;
}

function createTemplate(name: string): string {
  return name
    .slice(0, MAX_NAME_LENGTH)
    .replace(SERVER_NAMES, '$1')
    .replace(UUID, '{id}')
    .replace(LONG_ID, (text) => {
      const isId = text.length >= (/^\d+$/.test(text) ? MIN_NUMBER_LENGTH : MIN_HEX_LENGTH);
      return isId ? '{id}' : text;
    });
}
