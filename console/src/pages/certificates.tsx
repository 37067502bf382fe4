/** The certificates that authenticate main mode, and when they expire. */

import { useMemo } from 'preact/hooks';

import { getCertificate, listCertificates, type UsedCertificate } from '../../client';
import { useAnswer } from '../api/answer';
import { body } from '../api/client';
import { count, counted } from '../format/numbers';
import { localDay, utc } from '../format/times';
import { now } from '../live/clock';
import { link, type Query } from '../route/route';
import { chosenColumns, type Column } from '../ui/columns';
import { Chips, terms, type Filter } from '../ui/filters';
import { Answered, Panel, Skeleton } from '../ui/panel';
import { Pair, Pairs } from '../ui/pairs';
import { Rejected } from '../ui/rejected';
import { Table } from '../ui/table';
import { Tools } from '../ui/tools';
import { Address, Name, None, Sign, Tag } from '../ui/words';
import type { Tone } from '../words/states';

const DAY = 86_400_000;

/** Days of a year. */
const YEAR = 365.25;

const FILTERS: readonly Filter[] = [
  {
    name: 'expiresWithin',
    label: 'Expires within',
    values: ['0s', '7d', '30d', '90d', '365d'],
    valueLabel: (value) => (value === '0s' ? 'expired' : value),
  },
  {
    name: 'side',
    label: 'Side',
    values: ['local', 'peer'],
    valueLabel: (value) => (value === 'local' ? 'this host' : value),
  },
];

const COLUMNS: readonly Column<UsedCertificate>[] = [
  {
    id: 'notAfter',
    label: 'Expires',
    width: 'minmax(13rem, 0.8fr)',
    cell: (item) => <Expiry value={item.notAfter} />,
    text: (item) => item.notAfter,
  },
  {
    id: 'subject',
    label: 'Subject',
    windows: 'LocalFirstId, RemoteFirstId',
    width: 'minmax(14rem, 1.6fr)',
    cell: (item) => <Name value={item.subject} />,
    text: (item) => item.subject,
  },
  {
    id: 'sides',
    label: 'Side',
    width: '7.5rem',
    cell: (item) => item.sides.map((side) => (side === 'local' ? 'this host' : side)).join(', '),
    text: (item) => item.sides.join(' '),
  },
  {
    id: 'ikeSas',
    label: 'Main mode SAs',
    width: '8.5rem',
    isNumber: true,
    cell: (item) => count(item.ikeSas),
    text: (item) => item.ikeSas,
  },
  {
    id: 'peers',
    label: 'Peers',
    width: '6rem',
    isNumber: true,
    cell: (item) => count(item.peers),
    text: (item) => item.peers,
  },
  {
    id: 'issuer',
    label: 'Issuer',
    width: 'minmax(12rem, 1fr)',
    cell: (item) => <Name value={item.issuer} />,
    text: (item) => item.issuer,
  },
  {
    id: 'usages',
    label: 'Usages',
    width: 'minmax(12rem, 1fr)',
    isShown: false,
    cell: (item) => usages(item),
    text: (item) => usages(item),
  },
  {
    id: 'thumbprint',
    label: 'Thumbprint',
    width: 'minmax(21rem, 1fr)',
    isShown: false,
    cell: (item) => <code>{item.thumbprint}</code>,
    text: (item) => item.thumbprint,
  },
  {
    id: 'isInStore',
    label: 'In the store',
    width: '7rem',
    isShown: false,
    cell: (item) => (item.isInStore === null ? <None meaning="unknown" /> : item.isInStore ? 'yes' : 'no'),
    text: (item) => (item.isInStore === null ? null : String(item.isInStore)),
  },
];

const chosen = chosenColumns('certificates', COLUMNS);

/** Show the certificates. */
export function Certificates({ query }: { query: Query }) {
  const wanted = terms(query, FILTERS);
  const answer = useAnswer(`certificates ${JSON.stringify(wanted)}`, (signal) => all(wanted, signal), 60);
  const rows = answer.data?.rows ?? [];
  const shown = useMemo(() => COLUMNS.filter((column) => chosen.value.includes(column.id)), [chosen.value]);
  return (
    <>
      <div class="head">
        <h1>
          Certificates{' '}
          <span class="count" role="status">
            {answer.data === undefined ? '' : count(rows.length)}
          </span>
        </h1>
        <span class="words">Windows does not report when a peer’s certificate expires</span>
        <span class="space" />
        <Tools table="certificates" columns={COLUMNS} chosen={chosen} rows={() => rows} />
      </div>
      <Chips path={['certificates']} query={query} filters={FILTERS} />
      {answer.data?.store === 'unreadable' && (
        <div class="notice warn">
          <Sign tone="warn" />
          <div>The computer’s certificate store cannot be read, so no expiry is known.</div>
        </div>
      )}
      {answer.rejection !== undefined && (
        <Rejected rejection={answer.rejection} again={answer.again} isOld={answer.data !== undefined} />
      )}
      <Table
        label="Certificates"
        columns={shown}
        rows={rows}
        keyOf={(item) => item.thumbprint}
        target={(item) => link(['certificates', item.thumbprint])}
        brief={(item) => (
          <>
            <span class="brief-line">
              <Name value={item.subject ?? item.thumbprint} />
              <span>{item.sides.map((side) => (side === 'local' ? 'this host' : side)).join(', ')}</span>
            </span>
            <span class="brief-line soft small">
              <Expiry value={item.notAfter} />
              <span>{counted(item.ikeSas, 'main mode SA')}</span>
            </span>
          </>
        )}
        empty={answer.data === undefined ? <Skeleton lines={6} /> : 'No certificate matches these filters.'}
      />
    </>
  );
}

/** Show when a certificate expires, and how soon that is. */
export function Expiry({ value }: { value: string | null }) {
  if (value === null) return <span class="soft">not known here</span>;
  const days = Math.floor((new Date(value).getTime() - now.value) / DAY);
  const rest = days < 2 * YEAR ? `${count(days)} d` : `${count(Math.floor(days / YEAR))} years`;
  const tone: Tone = days < 7 ? 'bad' : days < 30 ? 'warn' : 'good';
  return (
    <span class={`state ${tone === 'good' ? '' : tone}`} title={utc(value)}>
      <Sign tone={tone} />
      {localDay(value)}
      <span class="soft">{days < 0 ? 'expired' : rest}</span>
    </span>
  );
}

/** Show one certificate. */
export function CertificatePage({ thumbprint }: { thumbprint: string }) {
  const answer = useAnswer(
    `certificate ${thumbprint}`,
    (signal) => body(getCertificate({ path: { thumbprint }, signal, throwOnError: true })),
    60,
  );
  return (
    <>
      <div class="head">
        <h1>
          <Name value={answer.data?.subject ?? 'Certificate'} />
        </h1>
      </div>
      <Answered answer={answer} lines={8}>
        {(certificate) => (
          <div class="grid two">
            <Panel title="Certificate">
              <Facts certificate={certificate} />
            </Panel>
            <Panel title="Used by" note={counted(certificate.ikeSas, 'main mode SA')}>
              <p class="inline">
                {certificate.sides.map((side) => (
                  <Tag key={side}>
                    {side === 'local' ? 'authenticates this host' : 'authenticates the peer'}
                  </Tag>
                ))}
              </p>
              <ul class="items">
                {certificate.peerAddresses.slice(0, 100).map((address) => (
                  <li key={address}>
                    <Address value={address} isLink />
                  </li>
                ))}
              </ul>
            </Panel>
          </div>
        )}
      </Answered>
    </>
  );
}

function Facts({ certificate }: { certificate: UsedCertificate }) {
  const { subjectAltNames, issuer, notBefore, notAfter, serialNumber, isInStore } = certificate;
  const names = subjectAltNames?.join(', ') ?? '';
  const used = usages(certificate);
  const isKnown = notAfter !== null || isInStore !== null;
  return (
    <>
      <Pairs>
        {isKnown && (
          <Pair label="Expires">
            <Expiry value={notAfter} />
          </Pair>
        )}
        {notBefore !== null && <Pair label="Valid from">{localDay(notBefore)}</Pair>}
        {names !== '' && (
          <Pair label="Other names">
            <Name value={names} />
          </Pair>
        )}
        {issuer !== null && (
          <Pair label="Issuer">
            <Name value={issuer} />
          </Pair>
        )}
        {serialNumber !== null && (
          <Pair label="Serial number">
            <code>{serialNumber}</code>
          </Pair>
        )}
        {used !== '' && <Pair label="Usages">{used}</Pair>}
        {isInStore !== null && <Pair label="In the store">{isInStore ? 'yes' : 'no longer'}</Pair>}
        <Pair label="Thumbprint">
          <code>{certificate.thumbprint}</code>
        </Pair>
      </Pairs>
      {!isKnown && (
        <p class="soft">
          The engine reports nothing else about it. Dates and usages come from this host’s certificate store,
          in which peers’ certificates are not looked up.
        </p>
      )}
    </>
  );
}

async function all(
  wanted: Record<string, string[]>,
  signal: AbortSignal,
): Promise<{ rows: UsedCertificate[]; store: string }> {
  const rows: UsedCertificate[] = [];
  let cursor: string | undefined;
  let store: string;
  const { expiresWithin, ...rest } = wanted;
  const filters = {
    ...(rest as object),
    ...(expiresWithin?.[0] === undefined ? {} : { expiresWithin: expiresWithin[0] }),
  };
  do {
    const query = { ...filters, limit: 1000, ...(cursor === undefined ? { maxAge: 60 } : { cursor }) };
    const page = await body(listCertificates({ query, signal, throwOnError: true }));
    rows.push(...page.items);
    cursor = page.nextCursor;
    store = page.store;
  } while (cursor !== undefined);
  const order = (item: UsedCertificate): string => item.notAfter ?? '~';
  return { rows: rows.sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0)), store };
}

function usages({ enhancedKeyUsages }: Pick<UsedCertificate, 'enhancedKeyUsages'>): string {
  return (enhancedKeyUsages ?? [])
    .map(({ usage, oid }) => (usage === 'unknown' ? oid : usage.replaceAll('_', ' ')))
    .join(', ');
}
