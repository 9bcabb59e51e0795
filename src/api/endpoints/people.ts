import { z } from 'zod';
import { ROLES } from '../../access/roles.ts';
import { PERSON_SOURCES } from '../../schema/notification-desk.ts';
import { type Context, endpoint } from '../endpoint.ts';

const text = z.string().optional();
const names = z.array(z.string()).min(1).max(200);

/** What is sent is looked at closely where people are kept; this tells of it. */
const body = z.strictObject({
  name: z.string().meta({ description: 'by which receivers name her; a person of it is replaced' }),
  role: z.enum(ROLES),
  organizationId: text.meta({ description: 'all but an ADMIN need one' }),
  properties: names.optional().meta({ description: 'without: all of the organization' }),
  email: text.meta({ description: 'as ann@hotel.example; it is never shown again' }),
  phone: text.meta({ description: 'as +43123456789; it is never shown again' }),
  user: text.meta({ description: 'subject of her key or token, as token:ann' }),
});

const person = z
  .strictObject({
    name: z.string(),
    role: z.string(),
    organizationId: text,
    properties: names.optional(),
    email: text.meta({ description: 'masked, as an***@hotel.example' }),
    phone: text.meta({ description: 'masked, as +43***78' }),
    user: text,
    source: z.enum(PERSON_SOURCES),
    hidden: z.boolean().meta({
      description:
        'true: another of the same name counts, of a source before (file, api, application)',
    }),
  })
  .meta({ id: 'Person' });
const response = z.strictObject({ people: z.array(person) }).meta({ id: 'People' });

export const peopleEndpoint = endpoint({
  path: '/api/performance/people',
  methods: ['get', 'post'],
  summary: 'Who can be told of alerts; POST names somebody, or replaces her, and answers with her',
  permission: 'administer',
  changes: true,
  body,
  query: z.strictObject({}),
  response,
  async handle({ parts, method, body: sent, ...by }) {
    if (method !== 'post') return { people: parts.notifications.people() };
    return { people: [await parts.notifications.setPerson(body.parse(sent), authorOf(by))] };
  },
});

export const personEndpoint = endpoint({
  path: '/api/performance/people/:id',
  methods: ['delete'],
  summary: 'Remove a person that the API has named, with her addresses; `id` is the name',
  operation: 'person',
  permission: 'administer',
  params: z.strictObject({ id: z.string().min(1).max(200) }),
  query: z.strictObject({}),
  response,
  changes: true,
  async handle({ parts, params: { id = '' }, ...by }) {
    return { people: [await parts.notifications.removePerson(id, authorOf(by))] };
  },
});

function authorOf({ principal, address }: Pick<Context<unknown>, 'principal' | 'address'>) {
  return { author: principal.subject, address };
}
