import { isAllowed } from '../../api/session.ts';
import { Tabs } from '../../design/controls.tsx';
import { linkTo } from '../../url/view-state.ts';

type RuleTab = 'rules' | 'backtest' | 'noise';

/** Links between the rules and the views that improve them. */
export function RuleTabs({ current }: { current: RuleTab }) {
  const tabs = [
    { id: 'rules', href: linkTo('/rules'), label: 'Rules' },
    ...(isAllowed('backtest')
      ? [{ id: 'backtest', href: linkTo('/backtest'), label: 'Backtest' } as const]
      : []),
    { id: 'noise', href: linkTo('/noise'), label: 'Noise report' },
  ] as const;
  return <Tabs<RuleTab> label="Rules" current={current} tabs={tabs} />;
}
