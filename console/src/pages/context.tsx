/** One SA context: who, through which SAs, by which rule, for how long; its main mode SA, connection and past. */

import {
  getFilter,
  getIkeSa,
  getSaContext,
  listConnections,
  listEndedSaContexts,
  type IkeSa,
  type SaContext,
  type SaDetails,
} from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { link } from '../route/route';
import { Answered, Nothing, Panel } from '../ui/panel';
import { Pair, Pairs } from '../ui/pairs';
import { Ago, Bytes, Name, State, Tag, Weaknesses } from '../ui/words';
import { weakness } from '../words/weaknesses';
import { QUICK_MODE } from '../words/windows';
import { EndedRows } from './ended';
import { Gone } from './gone';
import { Lifetimes } from './lifetimes';
import { MainMode } from './main-mode';
import { Picture } from './picture';
import { Sides } from './sides';

/** Show an SA context. */
export function ContextPage({ id }: { id: string }) {
  const answer = useAnswer(
    `sa-context ${id}`,
    (signal) => body(getSaContext({ path: { saContextId: id }, signal, throwOnError: true })),
    10,
  );
  const isGone = answer.rejection?.status === 404;
  return (
    <>
      <div class="head">
        <h1>
          SA context <span class="number">{id}</span>
          {isGone ? (
            <span class="count">
              <Tag>ended</Tag>
            </span>
          ) : (
            answer.data !== undefined && (
              <span class="count">
                <State kind="context" value={stateOf(answer.data)} />
              </span>
            )
          )}
        </h1>
        <span class="words">quick mode SA: Get-NetIPsecQuickModeSA</span>
      </div>
      {isGone ? (
        <>
          <Gone id={id} isShownBelow={answer.data !== undefined} />
          {answer.data !== undefined && <Context context={answer.data} />}
        </>
      ) : (
        <Answered answer={answer} lines={12}>
          {(context) => <Context context={context} />}
        </Answered>
      )}
    </>
  );
}

function Context({ context }: { context: SaContext }) {
  const sa = context.outboundSa ?? context.inboundSa;
  const mmSaId = sa?.saBundle.mmSaId ?? null;
  const remote = sa?.traffic.remoteAddress ?? null;
  const local = sa?.traffic.localAddress ?? null;
  const mainMode = useAnswer<IkeSa | null>(`ike-sa ${mmSaId ?? ''}`, async (signal) =>
    mmSaId === null ? null : body(getIkeSa({ path: { saId: mmSaId }, signal, throwOnError: true })),
  );
  const all = [...new Set([context.outboundSa, context.inboundSa].flatMap((each) => each?.weaknesses ?? []))];
  if (sa === null) return <Nothing>This context has no SA yet, or no longer.</Nothing>;
  return (
    <>
      <Picture context={context} mainMode={mainMode.data ?? undefined} />
      <div class="grid two">
        <Panel title="Lifetimes" note={QUICK_MODE.lifetimeSeconds}>
          <Lifetimes context={context} mainMode={mainMode.data ?? undefined} />
        </Panel>
        <Panel title="Weaknesses" to={link(['sa-contexts'], { weakness: 'any' })} more="All weak SA contexts">
          {all.length === 0 ? <Nothing>The baseline has no objection.</Nothing> : <Remedies values={all} />}
        </Panel>
        <Sides context={context} />
        <Rule sa={sa} />
        <MainMode answer={mainMode} mmSaId={mmSaId} />
        <Connections remote={remote} local={local} />
        <Past id={context.saContextId} remote={remote} />
      </div>
    </>
  );
}

/** Show weaknesses with what they mean and how to mend them. */
export function Remedies({ values }: { values: readonly string[] }) {
  return (
    <ul class="remedies">
      {values.map((value) => {
        const { meaning, remedy } = weakness(value);
        return (
          <li key={value}>
            <a href={link(['sa-contexts'], { weakness: value })}>
              <Weaknesses values={[value]} />
            </a>
            <div>
              <p>{meaning}</p>
              {remedy !== '' && (
                <p class="soft small">
                  <code>{remedy}</code>
                </p>
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function Rule({ sa }: { sa: SaDetails }) {
  const known = sa.transportFilter?.filterId ?? sa.traffic.ipsecFilterId;
  const id = known === '0' ? undefined : known; // an SA without a filter
  const answer = useAnswer(`filter ${id ?? ''}`, async (signal) =>
    id === undefined ? null : body(getFilter({ path: { filterId: id }, signal, throwOnError: true })),
  );
  const conditions = sa.transportFilter?.filterCondition ?? [];
  return (
    <Panel
      title="Rule"
      to={sa.ruleName === null ? undefined : link(['sa-contexts'], { ruleName: sa.ruleName })}
      more="Its SA contexts"
    >
      <Pairs>
        <Pair label="Name" windows={QUICK_MODE.ruleName}>
          <Name value={sa.ruleName} />
        </Pair>
        {answer.data !== undefined && answer.data !== null && (
          <>
            <Pair label="Description">
              <Name value={answer.data.description} />
            </Pair>
            <Pair label="Policy">
              <Name value={answer.data.policy?.name} />
            </Pair>
            <Pair label="Provider">
              <Name value={answer.data.provider ?? answer.data.providerKey} />
            </Pair>
          </>
        )}
        {id !== undefined && (
          <Pair label="Filter">
            <span class="number">{id}</span>
          </Pair>
        )}
        {conditions.length > 0 && (
          <Pair label="Matches">
            {conditions.map((condition, index) => (
              <div key={index}>
                <span class="soft">{(condition.field ?? condition.fieldKey).replaceAll('_', ' ')}</span>{' '}
                {condition.matchType.replaceAll('_', ' ')}{' '}
                <bdi>{condition.address ?? valueOf(condition.conditionValue)}</bdi>
              </div>
            ))}
          </Pair>
        )}
      </Pairs>
      {answer.rejection !== undefined && answer.rejection.status !== 404 && (
        <Nothing>{answer.rejection.title}</Nothing>
      )}
    </Panel>
  );
}

function Connections({ remote, local }: { remote: string | null; local: string | null }) {
  const answer = useAnswer(
    `connections ${remote ?? ''} ${local ?? ''}`,
    async (signal) =>
      remote === null
        ? null
        : body(
            listConnections({
              query: {
                remoteAddress: [remote],
                ...(local === null ? {} : { localAddress: [local] }),
                limit: 10,
              },
              signal,
              throwOnError: true,
            }),
          ),
    10,
  );
  return (
    <Panel title="Connection" note="no tool of Windows shows it">
      <Answered answer={answer}>
        {(page) =>
          page === null || page.items.length === 0 ? (
            <Nothing>
              {page?.monitoring === 'off' ? (
                <>
                  The engine does not track connections. <a href="#/engine">Why, and how to enable it</a>
                </>
              ) : (
                'The engine knows no connection between these addresses.'
              )}
            </Nothing>
          ) : (
            <ul class="items">
              {page.items.map((connection) => (
                <li key={connection.connectionId}>
                  <span>
                    <Bytes value={connection.bytesTransferredIn} /> <span class="soft">received</span>
                  </span>
                  <span>
                    <Bytes value={connection.bytesTransferredOut} /> <span class="soft">sent</span>
                  </span>
                  <span class="soft">
                    since <Ago value={connection.startSysTime} />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </Panel>
  );
}

function Past({ id, remote }: { id: string; remote: string | null }) {
  const answer = useAnswer(
    `past ${id} ${remote ?? ''}`,
    async (signal) =>
      remote === null
        ? null
        : body(
            listEndedSaContexts({
              query: { remoteAddress: [remote], limit: 8 },
              signal,
              throwOnError: true,
            }),
          ),
    30,
  );
  return (
    <Panel
      title="Past with this peer"
      wide
      to={remote === null ? undefined : link(['ended'], { remoteAddress: remote })}
    >
      <Answered answer={answer}>
        {(page) =>
          page === null || page.items.length === 0 ? (
            <Nothing>No SA context with this peer ended since the server began to watch.</Nothing>
          ) : (
            <EndedRows items={page.items} current={id} />
          )
        }
      </Answered>
    </Panel>
  );
}

/** Return the state that the summary of a context would have. */
export function stateOf({ inboundSa, outboundSa }: SaContext): string {
  if (inboundSa !== null && outboundSa !== null) return 'complete';
  return inboundSa !== null ? 'inbound_only' : outboundSa !== null ? 'outbound_only' : 'no_sa';
}

function valueOf(value: object): string {
  if ('value' in value && (typeof value.value === 'string' || typeof value.value === 'number'))
    return String(value.value);
  if ('low' in value && 'high' in value)
    return `${valueOf(value.low as object)} – ${valueOf(value.high as object)}`;
  return '…';
}
