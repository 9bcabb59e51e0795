import { fetchFromServer } from '../../api/connection.ts';
import { useRequest } from '../../api/queries.ts';
import { CodeBlock } from '../../design/controls.tsx';
import { Loaded } from '../../design/states.tsx';
import { SERVER_URL } from '../../url/location.ts';

/** What `/agent.json` says about the agent package of the server. */
interface AgentDownload {
  readonly path: string;
  readonly fileName: string;
  /** SHA-512 of the file. Missing if the server has no package. */
  readonly integrity?: string;
  /** Whether the server sends the file over the connection of this page. */
  readonly isAllowed: boolean;
}

const HEIGHT = 138;

/** The commands that download and install the agent. */
export function AgentSteps() {
  const state = useRequest(['agentDownload'], loadDownload, { isLive: false });
  return (
    <Loaded state={state} height={HEIGHT}>
      {({ path, fileName, integrity, isAllowed }) => {
        const file = `./vendor/${fileName}`;
        return (
          <div class="form">
            {isAllowed ? (
              <>
                <h3>In the folder of your service, download the agent and install it</h3>
                <CodeBlock label="Commands">
                  {`curl --fail --create-dirs -o ${file} ${SERVER_URL}${path}\nnpm install ${file}`}
                </CodeBlock>
              </>
            ) : (
              <>
                <h3>Pack the agent in the server's folder, and install it in your service</h3>
                <CodeBlock label="Commands">
                  {`npx perfscope agent pack --output /path/to/service/vendor\ncd /path/to/service && npm install ${file}`}
                </CodeBlock>
                <p class="muted">
                  {integrity === undefined
                    ? 'This server has no agent package to download.'
                    : 'This page was not loaded over HTTPS, so the network could change a download.'}
                </p>
              </>
            )}
            <p class="muted">
              Commit the file. Other machines and <code>npm ci</code> then use the same file,
              without this server.
              {integrity && (
                <>
                  {' '}
                  SHA-512: <code class="name">{integrity}</code>
                </>
              )}
            </p>
          </div>
        );
      }}
    </Loaded>
  );
}

async function loadDownload(signal: AbortSignal): Promise<AgentDownload> {
  const response = await fetchFromServer(`${SERVER_URL}/agent.json`, { signal });
  if (!response.ok) throw new Error(`The server answered with status ${response.status}.`);
  return (await response.json()) as AgentDownload;
}
