import type { ApiResponse } from '../../client/api-types.ts';
import { Badge } from '../design/controls.tsx';
import { linkTo } from '../url/view-state.ts';

export type Incident = ApiResponse<'incidents'>['incidents'][number];

/** Returns the link to an incident. */
export function incidentLink(id: string): string {
  return linkTo(`/incidents/${encodeURIComponent(id)}`);
}

/** Returns a text of the server, such as evidence, as a sentence. */
export function toSentence(text: string): string {
  const [first = '', ...rest] = text;
  return `${first.toUpperCase()}${rest.join('')}${text.endsWith('.') ? '' : '.'}`;
}

/** Shows whether an incident is open, acknowledged, resolved, or merged. */
export function IncidentStateBadge({ incident }: { incident: Incident }) {
  const { state, acknowledged } = incident;
  if (state === 'open' && acknowledged) return <Badge kind="accent">acknowledged</Badge>;
  if (state === 'open') return <Badge kind="critical">open</Badge>;
  return <Badge kind={state === 'resolved' ? 'ok' : 'none'}>{state}</Badge>;
}
