// Stores descriptions of rooms in Elasticsearch, and searches them.
import { Client } from '@elastic/elasticsearch';

const client = new Client({ node: process.env.ELASTICSEARCH_URL ?? 'http://127.0.0.1:9200' });
const index = 'example-rooms';
for (const [id, text] of Object.entries({
  7: 'sea view',
  8: 'garden view',
  9: 'sea view, quiet',
})) {
  await client.index({ index, id, document: { text }, refresh: true });
}
const { hits } = await client.search({ index, query: { match: { text: 'sea' } }, sort: '_doc' });
for (const { _id: id, _source: room } of hits.hits) console.log(`room ${id}: ${room.text}`);
try {
  await client.search({ index: 'example-bookings' }); // The index doesn't exist.
} catch ({ body }) {
  console.log(`failed: ${body.error.type}`);
}
await client.indices.delete({ index });
await client.close();
