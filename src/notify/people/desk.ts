import { coded } from '../../errors.ts';
import type { NotificationDesk, PersonView } from '../../schema/notification-desk.ts';
import { maskedAddress, maskedNumber } from '../channels/masked.ts';
import type { PeopleBook } from './book.ts';
import type { ListedPerson, People } from './people.ts';

type PeopleDesk = Pick<NotificationDesk, 'people' | 'setPerson' | 'removePerson'>;

/** Shows everybody who can be told, and changes those that the API has named. */
export function peopleDesk(people: People, book: PeopleBook): PeopleDesk {
  const isOfFile = (name: string) =>
    people.listed().some(({ person, source }) => source === 'file' && person.name === name);

  return {
    people: () => people.listed().map(viewOf),

    async setPerson({ organizationId, ...rest }, by) {
      if (isOfFile(rest.name)) {
        const reason = `${rest.name} is a person of the file, which counts first: change her there`;
        throw coded('PS_REQUEST_INVALID', { reason });
      }
      const person = await book.set({ ...rest, organization: organizationId }, by);
      return viewOf({ person, source: 'api', hidden: false });
    },

    async removePerson(name, by) {
      const person = await book.remove(name, by);
      return viewOf({ person, source: 'api', hidden: isOfFile(name) });
    },
  };
}

/** Whoever reads it can tell people apart, and cannot write to them. */
export function viewOf({ person, source, hidden }: ListedPerson): PersonView {
  const { name, role, organization: organizationId, properties, email, phone, user } = person;
  return {
    name,
    role,
    organizationId,
    properties,
    user,
    source,
    hidden,
    email: email === undefined ? undefined : maskedAddress(email),
    phone: phone === undefined ? undefined : maskedNumber(phone),
  };
}
