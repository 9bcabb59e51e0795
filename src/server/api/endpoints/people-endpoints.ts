import { z } from 'zod';
import { ROLES } from '../../../core/person-and-roles.ts';
import { PERSON_SOURCES } from '../../notifications/notification-views.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { optionalTextSchema } from '../schemas/response-schemas.ts';

const propertyNamesSchema = z.array(z.string()).min(1).max(200);

/** Documents the body. `setPerson` validates it in detail. */
const personBodySchema = z.strictObject({
  name: z.string().meta({
    description: 'Name that receivers refer to. An existing person with this name is replaced.',
  }),
  role: z.enum(ROLES),
  organizationId: optionalTextSchema.meta({ description: 'Required for all roles except ADMIN.' }),
  properties: propertyNamesSchema
    .optional()
    .meta({ description: 'Default: all properties of the organization.' }),
  email: optionalTextSchema.meta({
    description: 'For example ann@hotel.example. Later responses contain only the masked value.',
  }),
  phone: optionalTextSchema.meta({
    description: 'For example +43123456789. Later responses contain only the masked value.',
  }),
  user: optionalTextSchema.meta({
    description: "Subject of the person's key or token, such as token:ann.",
  }),
});

const personSchema = z
  .strictObject({
    name: z.string(),
    role: z.string(),
    organizationId: optionalTextSchema,
    properties: propertyNamesSchema.optional(),
    email: optionalTextSchema.meta({ description: 'Masked, for example an***@hotel.example.' }),
    phone: optionalTextSchema.meta({ description: 'Masked, for example +43***78.' }),
    user: optionalTextSchema,
    source: z.enum(PERSON_SOURCES),
    hidden: z.boolean().meta({
      description:
        'True if a source with a higher priority defines a person with the same name. Highest to lowest: file, api, application.',
    }),
  })
  .meta({ id: 'Person' });
const peopleResponseSchema = z
  .strictObject({ people: z.array(personSchema) })
  .meta({ id: 'People' });

export const peopleEndpoint = defineEndpoint({
  path: '/api/performance/people',
  methods: ['get', 'post'],
  summary: 'Lists the people who can receive notifications.',
  postSummary: 'Adds or replaces a person, and returns the person.',
  permission: 'administer',
  isMutating: true,
  body: personBodySchema,
  query: z.strictObject({}),
  response: peopleResponseSchema,
  async handle({ dependencies, method, body, ...caller }) {
    if (method !== 'post') return { people: dependencies.notifications.listPeople() };
    return {
      people: [
        await dependencies.notifications.setPerson(personBodySchema.parse(body), toActor(caller)),
      ],
    };
  },
});

export const personEndpoint = defineEndpoint({
  path: '/api/performance/people/:id',
  methods: ['delete'],
  summary:
    "Deletes a person who was added through the API, including the person's addresses. `id` is the person's name.",
  operation: 'person',
  permission: 'administer',
  params: z.strictObject({ id: z.string().min(1).max(200) }),
  query: z.strictObject({}),
  response: peopleResponseSchema,
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, ...caller }) {
    return { people: [await dependencies.notifications.removePerson(id, toActor(caller))] };
  },
});

function toActor({ principal, address }: Pick<EndpointContext<unknown>, 'principal' | 'address'>) {
  return { author: principal.subject, address };
}
