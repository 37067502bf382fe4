/** The walk of the TypeScript client. */

import { changes } from './changes';
import { saContexts } from './contexts';
import {
  getSaContext,
  listSaContexts,
  type Problem,
  type SaContext,
  type SaTransform,
  type SnapshotExpiredProblem,
} from './sa-contexts-client';
import { createClient, createConfig } from './sa-contexts-client/client';

async function main(
  url: string,
  oldCursor: string,
  newer: string,
  busyUrl: string,
  place: string,
): Promise<void> {
  const key = whole(process.env['SA_CONTEXTS_TOKEN']);
  const client = createClient(createConfig({ baseUrl: url, auth: key }));
  const contexts: SaContext[] = [];
  for await (const context of saContexts(client, 100)) contexts.push(context);

  const notFound = await getSaContext({ client, path: { saContextId: '1' } });
  const noContext: Problem = whole(notFound.error);

  const gone = await listSaContexts({ client, query: { limit: 100, cursor: oldCursor } });
  if (!gone.error || !('restartUrl' in gone.error)) throw new Error('not gone');
  const noSnapshot: SnapshotExpiredProblem = gone.error;

  const busy = createClient(createConfig({ baseUrl: busyUrl, auth: key }));
  const changed: [string, string][] = [];
  for await (const [kind, change] of changes(busy, place)) {
    const context = 'saContext' in change ? change.saContext : change;
    changed.push([kind, context.saContextId]);
  }

  const seen = {
    ids: contexts.map((context) => context.saContextId satisfies string),
    mmSaIds: contexts.flatMap((context) => context.outboundSa?.saBundle.mmSaId ?? []),
    notFound: { code: noContext.code, status: noContext.status },
    gone: { code: noSnapshot.code, status: noSnapshot.status, restartUrl: noSnapshot.restartUrl },
    newer: cipherType(JSON.parse(newer) as SaContext),
    changes: changed,
  };
  process.stdout.write(JSON.stringify(seen));
}

function cipherType(context: SaContext): string {
  const transform: SaTransform | undefined = context.outboundSa?.saBundle.saList[0]?.transform;
  switch (transform?.transformType) {
    case 'esp_cipher':
    case 'esp_auth_and_cipher':
      return whole(transform.cipherTransform?.cipherType);
    default:
      throw new Error('not encrypting');
  }
}

function whole<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('missing');
  return value;
}

const [url, oldCursor, newer, busyUrl, place] = process.argv.slice(2);
main(
  whole(url),
  whole(oldCursor),
  whole(newer),
  whole(busyUrl),
  whole(place),
).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
