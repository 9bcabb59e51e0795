import type { Catalog } from '../questdb/catalog.ts';
import type { Read } from '../questdb/reader.ts';

/** What questions are answered from. */
export interface Store {
  readonly read: Read;
  readonly catalog: () => Promise<Catalog>;
}
