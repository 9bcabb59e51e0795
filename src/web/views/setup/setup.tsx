import { caller, isAllowed } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { CodeBlock, Tabs } from '../../design/controls.tsx';
import { SERVER_URL } from '../../url/location.ts';
import { getParameter, linkTo, linkWith } from '../../url/view-state.ts';
import { AgentSteps } from './agent-steps.tsx';
import { Arrivals } from './arrivals.tsx';
import { WAYS, type Way } from './ways.ts';

/** How do I measure a service, and does its first request arrive? */
export default function Setup() {
  const way = WAYS.find(({ id }) => id === getParameter('way')) ?? WAYS[0]!;
  const needsKey = caller.value?.keyRequired ?? false;
  return (
    <>
      <Arrivals />
      <Card>
        <Tabs
          label="Ways to send measurements"
          current={way.id}
          tabs={WAYS.map(({ id, label }) => ({
            id,
            label,
            href: linkWith({ way: id === WAYS[0]!.id ? undefined : id }),
          }))}
        />
        <div class="tab-panel form steps">
          {needsKey && way.isOtlp && <KeyStep />}
          {way.needsAgent && <AgentSteps />}
          {way.steps({ url: SERVER_URL, needsKey }).map(({ title, code, note }) => (
            <div key={title} class="form">
              <h3>{title}</h3>
              {code && <CodeBlock label={title}>{code}</CodeBlock>}
              {note && <p class="muted">{note}</p>}
            </div>
          ))}
          {way.needsAgent && <Check />}
          <OtherMachine way={way} needsKey={needsKey} />
        </div>
      </Card>
    </>
  );
}

/** Senders of OTLP need a key as soon as the server has keys. */
function KeyStep() {
  return (
    <div class="form">
      <h3>Create a key with the role INGEST, and use it as KEY below</h3>
      {isAllowed('manageKeys') ? (
        <p class="muted">
          <a href={linkTo('/keys')}>Create a key</a>, or run this command in the server's folder:
        </p>
      ) : (
        <p class="muted">Ask an administrator for a key. They can run this command:</p>
      )}
      <CodeBlock label="Create a key">
        npx perfscope keys create --role INGEST --name booking
      </CodeBlock>
    </div>
  );
}

function Check() {
  return (
    <div class="form">
      <h3>If something is missing, list the libraries that the agent measures</h3>
      <CodeBlock label="Check the agent">npx @perfscope/agent doctor app.js</CodeBlock>
    </div>
  );
}

function OtherMachine({ way, needsKey }: { way: Way; needsKey: boolean }) {
  if (way.id === 'docker') return null;
  if (way.isOtlp) {
    return needsKey ? null : (
      <p class="muted">
        The server needs no key yet, but accepts only requests from its own machine. To send from
        other machines, create a key first: <code>npx perfscope keys create --role ADMIN</code>.
      </p>
    );
  }
  return (
    <div class="form">
      <h3>Only if the service runs on another machine: set the address of QuestDB</h3>
      <CodeBlock label="Address of QuestDB">
        {`export PERFORMANCE_QUESTDB_URL=http://HOST:9000 PERFORMANCE_QUESTDB_USER=perfscope
export PERFORMANCE_QUESTDB_PASSWORD_FILE=./questdb-password`}
      </CodeBlock>
      <p class="muted">
        On the same machine, the agent finds the server by itself. To send only over HTTP with a
        key, see <a href={linkWith({ way: 'otlp' })}>OTLP</a>.
      </p>
    </div>
  );
}
