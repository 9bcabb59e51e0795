import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../../src/core/log.ts';
import { type ServerParts, startParts } from '../../../../src/server/startup/part-lifecycle.ts';

function setUp() {
  const events: string[] = [];
  const errors: string[] = [];
  const log: Logger = { info: () => {}, warn: () => {}, error: (message) => errors.push(message) };
  const part = (name: string, { stop }: { stop?: () => Promise<void> } = {}) => ({
    name,
    start: () => {
      events.push(`start ${name}`);
      return name;
    },
    stop: async () => {
      events.push(`stop ${name}`);
      await stop?.();
    },
  });
  return { events, errors, log, part };
}

async function startAll(parts: ServerParts, list: readonly Parameters<ServerParts['start']>[0][]) {
  for (const part of list) await parts.start(part);
  return {};
}

describe('startParts', () => {
  it('starts parts in order and stops them in reverse order', async () => {
    const { events, errors, log, part } = setUp();
    const server = await startParts(async (parts) => {
      const name = await parts.start(part('database'));
      await parts.start(part('HTTP server'));
      return { name };
    }, log);
    expect(server.name).toBe('database');
    await server.close();
    expect(events).toEqual([
      'start database',
      'start HTTP server',
      'stop HTTP server',
      'stop database',
    ]);
    expect(errors).toEqual([]);
  });

  it('if a part fails to stop, logs its name, stops the other parts, and then throws', async () => {
    const { events, errors, log, part } = setUp();
    const broken = part('notifier', { stop: () => Promise.reject(new Error('disk full')) });
    const list = [part('database'), broken, part('evaluator')];
    const server = await startParts((parts) => startAll(parts, list), log);
    await expect(server.close()).rejects.toThrow('Number of parts that failed to stop: 1');
    expect(events.slice(3)).toEqual(['stop evaluator', 'stop notifier', 'stop database']);
    expect(errors).toEqual(['Failed to stop notifier: disk full']);
  });

  it('stops the started parts and throws the error if a part fails to start', async () => {
    const { events, log, part } = setUp();
    const broken = {
      ...part('HTTP server'),
      start: () => {
        throw new Error('port in use');
      },
    };
    const list = [part('database'), part('reader'), broken, part('notifier')];
    await expect(startParts((parts) => startAll(parts, list), log)).rejects.toThrow('port in use');
    expect(events).toEqual(['start database', 'start reader', 'stop reader', 'stop database']);
  });

  it('stops each part only once', async () => {
    const { events, log, part } = setUp();
    const server = await startParts((parts) => startAll(parts, [part('database')]), log);
    await server.close();
    await server.close();
    expect(events).toEqual(['start database', 'stop database']);
  });
});
