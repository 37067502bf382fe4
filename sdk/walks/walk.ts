/** The walk of the TypeScript client. */

import { pages } from './follow';
import {
  getSaContext,
  listSaContexts,
  type Problem,
  type SaContext,
  type SnapshotExpiredProblem,
} from './sa-contexts-client';
import { createClient, type Client } from './sa-contexts-client/client';

async function main(url: string, oldCursor: string, newerUrl: string): Promise<void> {
  const key = whole(process.env['SA_CONTEXTS_TOKEN']);
  const client = createClient({ baseUrl: url, auth: key });
  const contexts: SaContext[] = [];
  for await (const page of pages(client, 100)) contexts.push(...page.items);

  const notFound = await getSaContext({ client, path: { saContextId: '1' } });
  const noContext: Problem = whole(notFound.error);

  const gone = await listSaContexts({ client, query: { limit: 100, cursor: oldCursor } });
  if (!gone.error || !('restartUrl' in gone.error)) throw new Error('not gone');
  const noSnapshot: SnapshotExpiredProblem = gone.error;

  const seen = {
    ids: contexts.map((context) => context.saContextId satisfies string),
    mmSaIds: contexts.flatMap(({ outboundSa }) => (outboundSa ? [outboundSa.saBundle.mmSaId] : [])),
    notFound: { code: noContext.code, status: noContext.status },
    gone: { code: noSnapshot.code, status: noSnapshot.status, restartUrl: noSnapshot.restartUrl },
    newer: await newerWords(createClient({ baseUrl: newerUrl, auth: key })),
  };
  process.stdout.write(JSON.stringify(seen));
}

async function newerWords(client: Client): Promise<string[]> {
  const { data } = await listSaContexts({ client, throwOnError: true });
  const { outboundSa } = whole(data.items.find((context) => context.outboundSa));
  const { error } = await getSaContext({ client, path: { saContextId: '1' } });
  return [whole(outboundSa).saBundle.ipVersion, whole(error).code];
}

function whole<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('missing');
  return value;
}

const [url, oldCursor, newerUrl] = process.argv.slice(2);
main(whole(url), whole(oldCursor), whole(newerUrl)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
