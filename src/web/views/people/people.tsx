import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { KeyNotice, needsKey } from '../../data/key-notice.tsx';
import { Card } from '../../design/card.tsx';
import { Loaded } from '../../design/states.tsx';
import { tableHeight } from '../../design/table.tsx';
import { formatAge } from '../../format/times.ts';
import { PeopleCard } from './people-card.tsx';
import { ReceiverTable } from './receivers.tsx';

const ROWS = 3;

/** Who receives which alerts through which channel? */
export default function People() {
  const state = useApi('receivers', {});
  const isReadOnly = needsKey('administer');
  const { file, loadedAt, problems = [] } = state.data ?? {};
  const note = file ? (
    <>
      <span class="name mono">{file}</span>
      {loadedAt && `, loaded ${formatAge(Date.parse(loadedAt), serverNow())}`}
    </>
  ) : (
    'default receivers: no notification file is set'
  );
  return (
    <>
      {isReadOnly && <KeyNotice />}
      {problems.length > 0 && (
        <Card title="The notification file has problems">
          <div class="callout" data-kind="critical" role="alert">
            <ul>
              {problems.map((problem) => (
                <li key={problem} class="name">
                  {problem}
                </li>
              ))}
            </ul>
            <p>
              The last valid version stays in effect. Correct the file. Perfscope reloads it when it
              changes.
            </p>
          </div>
        </Card>
      )}
      <Card title="Receivers" note={state.data && note}>
        <Loaded state={state} height={tableHeight(ROWS)}>
          {({ receivers }) => <ReceiverTable receivers={receivers} isReadOnly={isReadOnly} />}
        </Loaded>
      </Card>
      <PeopleCard receivers={state.data?.receivers ?? []} isReadOnly={isReadOnly} />
    </>
  );
}
