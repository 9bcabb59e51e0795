import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ElasticsearchServer } from '../support/elasticsearch-server.ts';
import { isInCi, testCombinations } from '../support/library-combinations.ts';
import { countCommands } from '../support/library-program.ts';
import { listEvidence } from '../support/measured-program.ts';
import { runExample } from '../support/run-example.ts';

const elasticsearch = new ElasticsearchServer();
beforeAll(() => elasticsearch.start());
afterAll(() => elasticsearch.remove());

describe.each(['databases-1', 'databases-2'])('@elastic/elasticsearch of %s', (folder) => {
  testCombinations(
    () => ({
      program: 'elasticsearch.cjs',
      library: '@elastic/elasticsearch',
      folder,
      env: { ELASTICSEARCH_URL: elasticsearch.url },
    }),
    (run) => {
      expect(run.stderr).toBe('');
      const { hotels, logs } = run.result as { hotels: string; logs: string };
      expect(countCommands(run.rows, 'elasticsearch')).toEqual({
        ping: 1,
        [`indices.create ${hotels}`]: 1,
        [`index ${hotels}`]: 1,
        bulk: 1,
        [`search ${logs}`]: 1,
        [`search ${logs},${hotels}`]: 1,
        [`get ${hotels}`]: 1,
        [`get ${hotels} 404`]: 1,
        'search missing index_not_found_exception': 1,
        [`search ${hotels} parsing_exception`]: 1,
        [`exists ${hotels}`]: 1,
        [`count ${logs}`]: 1,
        [`search ${hotels}`]: 1,
        [`count ${hotels}`]: 20,
        [`delete ${hotels}`]: 1,
        [`search ${hotels} ECONNREFUSED`]: 1,
        [`search ${hotels} aborted`]: 1,
      });
      expect(listEvidence(run.rows)).toEqual([
        ['db.client.response.returned_rows', `search ${logs}`, 100],
      ]);
      // The requests of the client are database operations.
      const names = run.rows.map(({ columns }) => columns.name);
      expect(names).not.toContain('http.client.request.duration');
      expect(JSON.stringify(run.rows)).not.toContain('secret');
    },
    // Version 8 has the same code as version 9.
    folder === 'databases-1' ? { isInCi: (each) => each[0] === 24 && isInCi(each) } : {},
  );
});

it.concurrent('measures examples/databases with Elasticsearch', async () => {
  const { lines, rows } = await runExample('databases', 'elasticsearch', {
    ELASTICSEARCH_URL: elasticsearch.url,
  });
  const found = ['room 7: sea view', 'room 9: sea view, quiet'];
  expect(lines).toEqual([...found, 'failed: index_not_found_exception']);
  expect(countCommands(rows, 'elasticsearch')).toEqual({
    'index example-rooms': 3,
    'search example-rooms': 1,
    'search example-bookings index_not_found_exception': 1,
    'indices.delete example-rooms': 1,
  });
  // The example uses the ES modules of the client, whose classes have other names.
  const names = rows.map(({ columns }) => columns.name);
  expect(names).not.toContain('http.client.request.duration');
});
