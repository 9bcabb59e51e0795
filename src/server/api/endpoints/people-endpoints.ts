import { z } from 'zod';
import { ROLES } from '../../../core/people.ts';
import { PERSON_SOURCES } from '../../notifications/notification-views.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';

const optionalTextSchema = z.string().optional();
const propertyNamesSchema = z.array(z.string()).min(1).max(200);

/** What is sent is looked at closely where people are kept; this tells of it. */
const personBodySchema = z.strictObject({
  name: z.string().meta({ description: 'by which receivers name her; a person of it is replaced' }),
  role: z.enum(ROLES),
  organizationId: optionalTextSchema.meta({ description: 'all but an ADMIN need one' }),
  properties: propertyNamesSchema
    .optional()
    .meta({ description: 'without: all of the organization' }),
  email: optionalTextSchema.meta({ description: 'as ann@hotel.example; it is never shown again' }),
  phone: optionalTextSchema.meta({ description: 'as +43123456789; it is never shown again' }),
  user: optionalTextSchema.meta({ description: 'subject of her key or token, as token:ann' }),
});

const personSchema = z
  .strictObject({
    name: z.string(),
    role: z.string(),
    organizationId: optionalTextSchema,
    properties: propertyNamesSchema.optional(),
    email: optionalTextSchema.meta({ description: 'masked, as an***@hotel.example' }),
    phone: optionalTextSchema.meta({ description: 'masked, as +43***78' }),
    user: optionalTextSchema,
    source: z.enum(PERSON_SOURCES),
    hidden: z.boolean().meta({
      description:
        'true: another of the same name counts, of a source before (file, api, application)',
    }),
  })
  .meta({ id: 'Person' });
const peopleResponseSchema = z
  .strictObject({ people: z.array(personSchema) })
  .meta({ id: 'People' });

export const peopleEndpoint = defineEndpoint({
  path: '/api/performance/people',
  methods: ['get', 'post'],
  summary: 'Who can be told of alerts; POST names somebody, or replaces her, and answers with her',
  permission: 'administer',
  isMutating: true,
  body: personBodySchema,
  query: z.strictObject({}),
  response: peopleResponseSchema,
  async handle({ dependencies, method, body, ...by }) {
    if (method !== 'post') return { people: dependencies.notifications.listPeople() };
    return {
      people: [
        await dependencies.notifications.setPerson(personBodySchema.parse(body), toAuthor(by)),
      ],
    };
  },
});

export const personEndpoint = defineEndpoint({
  path: '/api/performance/people/:id',
  methods: ['delete'],
  summary: 'Remove a person that the API has named, with her addresses; `id` is the name',
  operation: 'person',
  permission: 'administer',
  params: z.strictObject({ id: z.string().min(1).max(200) }),
  query: z.strictObject({}),
  response: peopleResponseSchema,
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, ...by }) {
    return { people: [await dependencies.notifications.removePerson(id, toAuthor(by))] };
  },
});

function toAuthor({ principal, address }: Pick<EndpointContext<unknown>, 'principal' | 'address'>) {
  return { author: principal.subject, address };
}
