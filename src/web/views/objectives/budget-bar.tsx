import { formatText } from '../../format/quantities.ts';
import { budgetKind, type ObjectiveGroup } from './objective-words.ts';

/** The remaining error budget as a bar with its percentage. */
export function BudgetBar({ group }: { group: ObjectiveGroup }) {
  const { status, budgetRemaining, eventsRemaining } = group;
  if (status === 'waiting' || budgetRemaining === undefined)
    return <span class="faint budget-reason">{group.reason ?? 'waiting for data'}</span>;
  const kind = budgetKind(group);
  const width = Math.max(0, Math.min(100, budgetRemaining));
  const text = formatText(budgetRemaining, '%');
  const left = Math.floor(eventsRemaining ?? 0);
  const label = `${text} of the error budget remains. ${formatText(left)} more events can fail.`;
  return (
    <span class="budget" title={label}>
      <span class="budget-bar" role="img" aria-label={label}>
        <span style={{ width: `${width}%`, '--color': `var(--${kind})` }} />
      </span>
      <span class={kind === 'critical' ? 'critical' : undefined}>{text}</span>
    </span>
  );
}
