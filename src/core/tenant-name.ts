import { MAX_NAME_LENGTH } from './schema/table-definition.ts';

/** Returns whether a text can be the ID of an organization or a property: 1 to 512 printable characters. */
export function isValidTenantName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_NAME_LENGTH && !/\p{C}/u.test(text);
}
