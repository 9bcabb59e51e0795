import { coded } from '../../errors.ts';
import type { AlertDesk, SilenceTenant } from '../../schema/alert-desk.ts';
import { isVisible, type Scope } from '../../schema/scope.ts';
import type { Evaluator } from '../evaluator.ts';
import { readSilence } from '../quiet/read-silence.ts';
import { silenceView } from './view.ts';

type SilencesDesk = Pick<AlertDesk, 'silences' | 'silence' | 'endSilence'>;

/** Silences that somebody makes, and the maintenance windows of the rules file. */
export function silencesDesk({ rules, silences, now }: Evaluator): SilencesDesk {
  return {
    silences(scope) {
      const own = rules.set.maintenance.filter(({ organization, property }) =>
        isVisible({ organizationId: organization, propertyId: property }, scope),
      );
      return [...silences.visible(scope, now()), ...own].map(silenceView);
    },

    async silence(entry, tenant, { author, scope }) {
      const whose = tenantOf(tenant, scope);
      return silenceView(await silences.create(readSilence(entry), { author, ...whose }, now()));
    },

    async endSilence(id, { author, scope }) {
      return silenceView(await silences.end(id, author, scope, now()));
    },
  };
}

/**
 * Whose a silence is. Who is limited to one organization, or to one of its properties, need not
 * name it, and can name no other.
 */
function tenantOf({ organizationId, propertyId }: SilenceTenant, scope: Scope) {
  return {
    organization: one('organizationId', organizationId, scope.organizations),
    property: one('propertyId', propertyId, scope.properties),
  };
}

function one(
  field: string,
  name: string | undefined,
  allowed: Scope['organizations'],
): string | undefined {
  if (allowed === 'all') return name;
  const chosen = name ?? (allowed.length === 1 ? allowed[0] : undefined);
  if (chosen !== undefined && allowed.includes(chosen)) return chosen;
  const reason = `${field} must be one of ${allowed.join(', ') || 'none'}`;
  throw coded('PS_REQUEST_INVALID', { reason });
}
