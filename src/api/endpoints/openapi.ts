import { z } from 'zod';
import { endpoint } from '../endpoint.ts';
import { openApiDocument } from '../openapi-document.ts';

export const openApiEndpoint = endpoint({
  path: '/api/openapi.json',
  methods: ['get'],
  summary: 'This description, in OpenAPI 3.1',
  permission: 'public',
  query: z.strictObject({}),
  response: z.looseObject({ openapi: z.string() }),
  handle: async ({ endpoints }) => openApiDocument(endpoints),
});
